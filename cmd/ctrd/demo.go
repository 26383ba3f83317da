package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// demoCommand sends one notification through the whole service, over TLS on loopback.
type demoCommand struct {
	Out string `help:"Directory for the implant card." default:"demo" type:"path" placeholder:"DIR"`
}

// Persons and hospital of the development data.
const (
	demoHospital = "NIHII-HOSPITAL=71000436"
	demoSurgeon  = "78031412250"
	demoPatient  = "48022907379"
)

// demo is one run of the demonstration.
type demo struct {
	environment
	client     *client.Client
	today      time.Time
	stepNumber int
}

// Run starts a development service in a temporary directory, calls it, and prints what happens.
func (c *demoCommand) Run(e environment) (err error) {
	directory, err := os.MkdirTemp("", "ctr-demo-")
	if err != nil {
		return fmt.Errorf("create a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	s, err := service.Start(
		e.ctx, service.Config{Now: time.Now, DataDirectory: directory, Development: true},
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d := &demo{environment: e, today: time.Now()}
	if d.client, err = newDemoClient(s); err != nil {
		return err
	}
	d.printLine("A register runs at %s,", s.URL)
	d.printLine("with an embedded SQLite database, a test PKI and fictitious people.")
	return d.runSteps(c.Out)
}

func newDemoClient(s *service.Service) (*client.Client, error) {
	key, err := p12.ReadSigningKey(s.TestPKI.P12[demoHospital], s.TestPKI.Password, time.Now())
	if err != nil {
		return nil, err
	}
	authorities, err := os.ReadFile(s.TestPKI.CA)
	if err != nil {
		return nil, fmt.Errorf("the authorities: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorities)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return &client.Client{URL: s.URL, Key: key, HTTP: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		Now: time.Now, NewID: newMessageID}, nil
}

// newMessageID returns an identifier that is valid in an attribute of type xs:ID.
func newMessageID() string { return "_" + service.NewID(time.Now()) }

func (d *demo) printLine(format string, args ...any) {
	_ = terminal.Printf(d.stdout, "   "+format+"\n", args...)
}

func (d *demo) printTitle(text string) {
	d.stepNumber++
	_ = terminal.Printf(d.stdout, "\n%d. %s\n", d.stepNumber, text)
}

func (d *demo) newHeader() ctr.Header {
	return ctr.Header{
		ID:           newMessageID(),
		IssueInstant: d.today.UTC().Format(time.RFC3339),
		Author: &ctr.Author{HcParty: []ctr.HcParty{{
			ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: demoSurgeon}}, FirstName: []string{"Anna"}, Name: "Claes",
		}}},
	}
}

// runSteps runs the steps: notify, search, card, list, a rejected request, explant, list.
func (d *demo) runSteps(out string) error {
	receipt, err := d.notifyImplant()
	if err != nil {
		return err
	}
	number := receipt.Receipt.NotificationNumber
	for _, step := range []func() error{
		func() error { return d.searchByPatient(number) },
		func() error { return d.fetchCard(number, out) },
		func() error { return d.listImplants("The patient's implants") },
		d.showViolations,
		func() error { return d.notifyExplant(receipt.Implant[1].ImplantID) },
		func() error { return d.listImplants("The remaining implants") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	_ = terminal.Printf(d.stdout, "\nDone. To start a register yourself:  bin/ctrd serve --dev --data ctr-data\n"+
		"Then open its portal in a browser:   https://127.0.0.1:8443/portal/\n")
	return nil
}

func (d *demo) newNotifyRequest(reference string) *ctr.NotifyImplantRequest {
	day := func(ago int) string { return d.today.AddDate(0, 0, -ago).Format(time.DateOnly) }
	return &ctr.NotifyImplantRequest{
		Header:         d.newHeader(),
		InputReference: reference,
		Save:           "Final",
		Implantation: ctr.Implantation{
			Specialist: ctr.Professional{SSIN: demoSurgeon}, OperationDate: day(2), Patient: demoPatient,
			Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: day(20), Comment: "total knee replacement",
			Implant: []ctr.NotifiedImplant{
				{
					NotificationCode: "000071200176",
					UDI:              "(01)05410000001047(17)291231(10)L2201(21)S-000917",
					Quantity:         1,
					Location:         "left knee",
					Side:             "Left",
				},
				{
					NotificationCode: "000071200275",
					UDI:              "(01)05410000001115(17)300630(10)L2388(21)S-004410",
					Quantity:         1,
					Location:         "left knee",
					Side:             "Left",
				},
			},
		},
	}
}

func (d *demo) notifyImplant() (*ctr.NotifyResponse, error) {
	d.printTitle("Dr Anna Claes reports an operation: two implants in the left knee of Jeanne Leroy")
	d.printLine("signed by %s, on behalf of Dr Claes:", demoHospital)
	d.printLine("  Body, Timestamp and certificate are signed, RSA-SHA256")
	receipt, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](
		d.ctx, d.client, "NotifyImplant", d.newNotifyRequest("DEMO-1"),
	)
	if err != nil {
		return nil, err
	}
	d.printLine("registered as notification %s, %d warnings", receipt.Receipt.NotificationNumber, len(receipt.Warning))
	for i := range receipt.Implant {
		d.printImplant(&receipt.Implant[i])
	}
	return receipt, nil
}

func (d *demo) printImplant(i *ctr.RegisteredImplant) {
	d.printLine("  %d of %d  %s", i.Remaining, i.Quantity, i.Device.Name)
	d.printLine(
		"          lot %s, serial number %s, expiry %s (read from the UDI)", i.LotNumber, i.SerialNumber, i.ExpiryDate,
	)
}

func (d *demo) searchByPatient(number string) error {
	d.printTitle("A search by the patient's number finds the notification")
	answer, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](d.ctx, d.client, "Search", &ctr.SearchRequest{
		Header: d.newHeader(), MaxElements: 20, Criteria: ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: demoPatient}},
	})
	if err != nil {
		return err
	}
	for _, n := range answer.Notification {
		d.printLine(
			"%s  %s of %s, %d implants, %s", n.NotificationNumber, n.OperationType, n.OperationDate, n.ImplantCount, n.State,
		)
	}
	if answer.Total != 1 || answer.Notification[0].NotificationNumber != number {
		return fmt.Errorf("the search found %d notifications, not the one just registered", answer.Total)
	}
	return nil
}

func (d *demo) fetchCard(number, out string) error {
	d.printTitle("The implant card for the patient, in four languages")
	answer, err := client.Call[ctr.GetImplantCardRequest, ctr.GetImplantCardResponse](d.ctx, d.client,
		"GetImplantCard", &ctr.GetImplantCardRequest{
			Header: d.newHeader(), Of: ctr.CardOf{NotificationNumber: number},
		})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return fmt.Errorf("the directory for the card: %w", err)
	}
	file := filepath.Join(out, "implant-card-"+number+".pdf")
	if err := durable.Save(file, answer.Card.Content); err != nil {
		return fmt.Errorf("the card: %w", err)
	}
	d.printLine("%s (%d bytes)", file, len(answer.Card.Content))
	return nil
}

func (d *demo) listImplants(title string) error {
	d.printTitle(title)
	answer, err := client.Call[ctr.ListPatientImplantsRequest, ctr.ListPatientImplantsResponse](d.ctx,
		d.client, "ListPatientImplants", &ctr.ListPatientImplantsRequest{
			Header: d.newHeader(), MaxElements: 20, Patient: demoPatient,
		})
	if err != nil {
		return err
	}
	for i := range answer.Implant {
		d.printImplant(&answer.Implant[i])
	}
	return nil
}

// showViolations shows that the service reports every violation of a request, with its path.
func (d *demo) showViolations() error {
	d.printTitle("A request with two errors is rejected, and both are reported")
	wrong := d.newNotifyRequest("DEMO-2")
	wrong.Implantation.PrescriptionDate = d.today.Format(time.DateOnly)
	wrong.Implantation.Implant[0].LotNumber = "L9999"
	_, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](d.ctx, d.client, "NotifyImplant", wrong)
	refusal, isRefusal := errors.AsType[*soap.Refusal](err)
	if !isRefusal {
		return fmt.Errorf("the request with errors was not rejected: %w", err)
	}
	for _, v := range refusal.Violations {
		d.printLine("%s: %s", v.Code, v.Messages[texts.English])
		d.printLine("    at %s", v.Path)
	}
	return nil
}

func (d *demo) notifyExplant(id string) error {
	d.printTitle("Later the tibial insert is worn and removed")
	receipt, err := client.Call[ctr.NotifyExplantRequest, ctr.NotifyResponse](d.ctx, d.client,
		"NotifyExplant", &ctr.NotifyExplantRequest{
			Header: d.newHeader(), InputReference: "DEMO-3", Explantation: ctr.Explantation{
				Specialist: ctr.Professional{SSIN: demoSurgeon}, OperationDate: d.today.AddDate(0, 0, -1).Format(time.DateOnly),
				Patient: demoPatient, Explant: []ctr.Explant{{ImplantID: id, Reason: "wear"}},
			},
		})
	if err != nil {
		return err
	}
	d.printLine("registered as notification %s", receipt.Receipt.NotificationNumber)
	for i := range receipt.Implant {
		d.printLine(
			"  %s: %d of %d remain", strings.TrimSpace(receipt.Implant[i].Device.Name), receipt.Implant[i].Remaining,
			receipt.Implant[i].Quantity,
		)
	}
	return nil
}
