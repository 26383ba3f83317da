package main

import (
	"fmt"
	"io"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// This file contains the commands for existing notifications.

// notificationFlags identify a notification by its number or its reference.
type notificationFlags struct {
	Number    string `help:"Number of the notification." xor:"of" required:"" placeholder:"N"`
	Reference string `help:"Reference of the notification. It exists before the number does." xor:"of" required:"" placeholder:"R"`
}

func (n notificationFlags) toNotificationRef() ctr.NotificationOf {
	return ctr.NotificationOf{NotificationNumber: n.Number, Reference: n.Reference}
}

type notificationCommand struct {
	notificationFlags
	emergencyFlags
}

// Run shows a notification.
func (n *notificationCommand) Run(c *serviceClient) error {
	request := &ctr.GetNotificationRequest{Header: c.newHeader(), EmergencyReason: n.Emergency,
		EmergencyPatient: n.EmergencyPatient, Of: n.toNotificationRef()}
	answer, err := client.Call[ctr.GetNotificationRequest, ctr.GetNotificationResponse](
		c.ctx, c.client, "GetNotification", request,
	)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) { showNotification(w, &answer.Notification) })
}

func showNotification(w io.Writer, n *ctr.Notification) {
	_ = terminal.Printf(w, "%s of %s, patient %s, specialist %s\n  %s, reference %s, version %d",
		n.OperationType, n.OperationDate, n.Patient,
		n.Specialist.SSIN+n.Specialist.NIHII, n.State, n.Reference, n.Version)
	if n.NotificationNumber != "" {
		_ = terminal.Printf(w, ", number %s", n.NotificationNumber)
	}
	_ = terminal.Printf(w, "\n")
	if n.Prescriber != nil {
		_ = terminal.Printf(w, "  prescribed on %s by %s\n", n.PrescriptionDate, n.Prescriber.SSIN+n.Prescriber.NIHII)
	}
	if n.Comment != "" {
		_ = terminal.Printf(w, "  %s\n", n.Comment)
	}
	for i := range n.Implant {
		showImplant(w, &n.Implant[i])
	}
	for i := range n.Explant {
		x := &n.Explant[i]
		_ = terminal.Printf(w, "removed %s", formatRemovedQuantity(x.Quantity))
		if x.Reason != "" {
			_ = terminal.Printf(w, ", %s", x.Reason)
		}
		_ = terminal.Printf(w, "\n")
		showImplant(w, &x.Implant)
	}
	showWarnings(w, n.Warning)
	for _, h := range n.History {
		_ = terminal.Printf(w, "version %d  %s  %s by %s", h.Version, h.At.Format(instantLayout), h.Change, h.Author)
		if h.Organisation != "" {
			_ = terminal.Printf(w, " in %s", h.Organisation)
		}
		if h.Reason != "" {
			_ = terminal.Printf(w, ": %s", h.Reason)
		}
		_ = terminal.Printf(w, "\n")
	}
}

// formatRemovedQuantity formats the number of removed pieces. 0 means all that remain, in a version that is not
// final.
func formatRemovedQuantity(quantity int) string {
	if quantity == 0 {
		return "all that remain"
	}
	return fmt.Sprint(quantity)
}

type pendingCommand struct {
	State  string `help:"Draft for unfinished ones, ToValidate for those that await their specialist. Default: both." enum:",Draft,ToValidate" default:"" placeholder:"STATE"`
	Offset int    `help:"Number of results to skip." default:"0"`
	Max    int    `help:"Number of results to show, 1 to 100." default:"20"`
}

// Run lists pending notifications.
func (p *pendingCommand) Run(c *serviceClient) error {
	request := &ctr.ListPendingNotificationsRequest{
		Header:      c.newHeader(),
		Offset:      p.Offset,
		MaxElements: p.Max,
		State:       p.State,
	}
	answer, err := client.Call[ctr.ListPendingNotificationsRequest, ctr.ListPendingNotificationsResponse](c.ctx, c.client,
		"ListPendingNotifications", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d found\n", answer.Total)
		for i := range answer.Notification {
			n := &answer.Notification[i]
			showSummary(w, fmt.Sprintf("%s, version %d", n.Reference, n.Version), n)
		}
	})
}

type validateCommand struct {
	Reference string `help:"Reference of the notification." required:"" placeholder:"R"`
	Version   int    `help:"The version that you have seen." required:"" placeholder:"V"`
}

// Run makes a notification final.
func (v *validateCommand) Run(c *serviceClient) error {
	request := &ctr.ValidateNotificationRequest{Header: c.newHeader(), Reference: v.Reference, Version: v.Version}
	answer, err := client.Call[ctr.ValidateNotificationRequest, ctr.ValidateNotificationResponse](
		c.ctx, c.client, "ValidateNotification", request,
	)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, nil, answer.Warning)
}

type reviseCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
	saveFlag
}

// Run replaces the content of a notification.
func (n *reviseCommand) Run(c *serviceClient) error {
	request, err := client.ReadRequest[ctr.ReviseNotificationRequest](n.File, "ReviseNotification")
	if err != nil {
		return err
	}
	c.completeHeader(&request.Header)
	n.overrideSave(&request.Save)
	answer, err := client.Call[ctr.ReviseNotificationRequest, ctr.ReviseNotificationResponse](
		c.ctx, c.client, "ReviseNotification", request,
	)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, answer.Implant, answer.Warning)
}

type discardCommand struct {
	notificationFlags
	Version int    `help:"The version that you have seen." required:"" placeholder:"V"`
	Reason  string `help:"Reason. Required for a final notification." placeholder:"TEXT"`
}

// Run discards or withdraws a notification.
func (d *discardCommand) Run(c *serviceClient) error {
	request := &ctr.DiscardNotificationRequest{
		Header:  c.newHeader(),
		Of:      d.toNotificationRef(),
		Version: d.Version,
		Reason:  d.Reason,
	}
	answer, err := client.Call[ctr.DiscardNotificationRequest, ctr.DiscardNotificationResponse](
		c.ctx, c.client, "DiscardNotification", request,
	)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, nil, nil)
}
