package main

import (
	"io"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// This file contains the commands for mandates and for the staff roles of an organisation.

// pageFlags select a part of a list.
type pageFlags struct {
	Offset int `help:"Number of results to skip." default:"0"`
	Max    int `help:"Number of results to show, 1 to 100." default:"20"`
}

// periodFlags define a period.
type periodFlags struct {
	From string `help:"First day, as YYYY-MM-DD. Default: today." placeholder:"DATE"`
	To   string `help:"Last day. Default: no end." placeholder:"DATE"`
}

type mandatesCommand struct {
	pageFlags
}

// Run lists the mandates that the caller granted or received.
func (m *mandatesCommand) Run(c *serviceClient) error {
	request := &ctr.ListMandatesRequest{Header: c.newHeader(), Offset: m.Offset, MaxElements: m.Max}
	answer, err := client.Call[ctr.ListMandatesRequest, ctr.ListMandatesResponse](c.ctx, c.client, "ListMandates", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d found\n", answer.Total)
		showMandates(w, answer.Mandate)
	})
}

func showMandates(w io.Writer, all []ctr.Mandate) {
	for _, m := range all {
		_ = terminal.Printf(w, "  %s of %s for %s, %s", m.State, m.Grantor, m.Grantee, formatPeriod(m.From, m.To))
		if m.AcceptedOn != "" {
			_ = terminal.Printf(w, ", accepted on %s", m.AcceptedOn)
		}
		_ = terminal.Printf(w, "\n")
	}
}

func formatPeriod(from, to string) string {
	if to == "" {
		return "from " + from
	}
	return "from " + from + " to " + to
}

type mandateCommand struct {
	Grant    grantCommand    `cmd:"" help:"As a doctor, let another person prepare notifications in your name. They must accept it first."`
	Accept   acceptCommand   `cmd:"" help:"Accept a mandate that was granted to you."`
	End      endCommand      `cmd:"" help:"End a mandate that you granted or received."`
	Transfer transferCommand `cmd:"" help:"Transfer a mandate that you granted to another holder, who must accept it."`
}

type grantCommand struct {
	Grantee string `help:"SSIN of the person who receives it." required:"" placeholder:"SSIN" type:"person"`
	periodFlags
}

// Run grants a mandate.
func (g *grantCommand) Run(c *serviceClient) error {
	return c.manageMandate(ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: g.Grantee, From: g.From, To: g.To}})
}

type acceptCommand struct {
	Grantor string `help:"SSIN of the person who granted it." required:"" placeholder:"SSIN" type:"person"`
}

// Run accepts a mandate.
func (a *acceptCommand) Run(c *serviceClient) error {
	return c.manageMandate(ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: a.Grantor}})
}

type endCommand struct {
	Grantee string `help:"SSIN of the holder, if you granted it." xor:"of" required:"" placeholder:"SSIN" type:"person"`
	Grantor string `help:"SSIN of the person who granted it, if you hold it." xor:"of" required:"" placeholder:"SSIN" type:"person"`
}

// Run ends a mandate.
func (e *endCommand) Run(c *serviceClient) error {
	return c.manageMandate(ctr.MandateChange{End: &ctr.MandateEnd{Grantee: e.Grantee, Grantor: e.Grantor}})
}

type transferCommand struct {
	Grantee string `help:"SSIN of the current holder." required:"" placeholder:"SSIN" type:"person"`
	To      string `help:"SSIN of the new holder." required:"" placeholder:"SSIN" type:"person"`
}

// Run transfers a mandate.
func (t *transferCommand) Run(c *serviceClient) error {
	return c.manageMandate(ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: t.Grantee, To: t.To}})
}

func (c *serviceClient) manageMandate(change ctr.MandateChange) error {
	request := &ctr.ManageMandateRequest{Header: c.newHeader(), Change: change}
	answer, err := client.Call[ctr.ManageMandateRequest, ctr.ManageMandateResponse](
		c.ctx, c.client, "ManageMandate", request,
	)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) { showMandates(w, answer.Mandate) })
}

type staffCommand struct {
	List   staffListCommand   `cmd:"" default:"withargs" help:"List the roles in your organisation, or your own with your own certificate (the default)."`
	Assign staffAssignCommand `cmd:"" help:"Assign a role in your organisation to a person."`
	End    staffEndCommand    `cmd:"" help:"End a person's role."`
}

type staffListCommand struct {
	pageFlags
}

// Run lists the staff roles of an organisation.
func (s *staffListCommand) Run(c *serviceClient) error {
	request := &ctr.ListStaffRequest{Header: c.newHeader(), Offset: s.Offset, MaxElements: s.Max}
	answer, err := client.Call[ctr.ListStaffRequest, ctr.ListStaffResponse](c.ctx, c.client, "ListStaff", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d found\n", answer.Total)
		showStaff(w, answer.Member)
	})
}

func showStaff(w io.Writer, all []ctr.StaffMember) {
	for _, m := range all {
		in := ""
		if m.Organisation != "" {
			in = " in " + m.Organisation
		}
		_ = terminal.Printf(w, "  %s  %s%s, %s, %s\n", m.Person, m.Role, in, m.State, formatPeriod(m.From, m.To))
	}
}

// roleFlags identify a staff role.
type roleFlags struct {
	Person string `help:"SSIN of the person." required:"" placeholder:"SSIN" type:"person"`
	Role   string `help:"AccessManager or AdministrativeStaff." required:"" placeholder:"ROLE"`
}

type staffAssignCommand struct {
	roleFlags
	periodFlags
}

// Run assigns a role.
func (s *staffAssignCommand) Run(c *serviceClient) error {
	return c.manageStaff(
		ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: s.Person, Role: s.Role, From: s.From, To: s.To}},
	)
}

type staffEndCommand struct {
	roleFlags
	Organisation string `help:"NIHII number of the organisation, to refuse a role of your own with your own certificate." placeholder:"NIHII"`
}

// Run ends a role.
func (s *staffEndCommand) Run(c *serviceClient) error {
	return c.manageStaff(ctr.StaffChange{End: &ctr.StaffEnd{Person: s.Person, Role: s.Role, Organisation: s.Organisation}})
}

func (c *serviceClient) manageStaff(change ctr.StaffChange) error {
	request := &ctr.ManageStaffRequest{Header: c.newHeader(), Change: change}
	answer, err := client.Call[ctr.ManageStaffRequest, ctr.ManageStaffResponse](c.ctx, c.client, "ManageStaff", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) { showStaff(w, answer.Member) })
}
