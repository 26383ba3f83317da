package main

import (
	"fmt"
	"io"
	"os"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/wire"
)

type notifyCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
}

// Run sends the notification of an implantation.
func (n *notifyCommand) Run(c *caller) error {
	request, err := readRequest[wire.NotifyImplantRequest](n.File, "NotifyImplantRequest")
	if err != nil {
		return err
	}
	c.complete(&request.Header)
	answer, err := client.Call[wire.NotifyImplantRequest, wire.NotifyResponse](c.ctx, c.client, "NotifyImplant", request)
	return c.showReceipt(answer, err)
}

type explantCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
}

// Run sends the notification of an explantation.
func (n *explantCommand) Run(c *caller) error {
	request, err := readRequest[wire.NotifyExplantRequest](n.File, "NotifyExplantRequest")
	if err != nil {
		return err
	}
	c.complete(&request.Header)
	answer, err := client.Call[wire.NotifyExplantRequest, wire.NotifyResponse](c.ctx, c.client, "NotifyExplant", request)
	return c.showReceipt(answer, err)
}

func (c *caller) showReceipt(answer *wire.NotifyResponse, err error) error {
	if err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "registered as %s at %s\n", answer.Receipt.NotificationNumber, answer.Receipt.RegisteredAt.Format("2006-01-02 15:04:05 MST"))
		for i := range answer.Implant {
			showImplant(w, &answer.Implant[i])
		}
		for _, warning := range answer.Warning {
			_, _ = fmt.Fprintf(w, "warning %s at %s\n", warning.Code, warning.Path)
			for _, m := range warning.Message {
				if m.Lang == string(languageOfTerminal) {
					_, _ = fmt.Fprintf(w, "  %s\n", m.Value)
				}
			}
		}
	})
}

func showImplant(w io.Writer, i *wire.RegisteredImplant) {
	name := i.UDIDI
	if i.Device != nil {
		name = i.Device.Name
	}
	_, _ = fmt.Fprintf(w, "  %s  %s\n    placed %s, remaining %d of %d", i.ImplantID, name, i.OperationDate, i.Remaining, i.Quantity)
	for _, part := range [][2]string{{"lot", i.LotNumber}, {"serial", i.SerialNumber}, {"expiry", i.ExpiryDate}, {"at", i.Location}} {
		if part[1] != "" {
			_, _ = fmt.Fprintf(w, ", %s %s", part[0], part[1])
		}
	}
	_, _ = fmt.Fprintln(w)
}

type searchCommand struct {
	Patient string `help:"SSIN of the patient." xor:"by" required:"" placeholder:"SSIN"`
	Number  string `help:"Number of the notification." xor:"by" required:"" placeholder:"N"`
	Code    string `help:"Notification code of the implant, among your own patients." xor:"by" required:"" placeholder:"C"`
	UDI     string `name:"udi" help:"UDI of the implant, among your own patients." xor:"by" required:"" placeholder:"U"`
	Offset  int    `help:"How many to skip." default:"0"`
	Max     int    `help:"How many to show, 1 to 100." default:"20"`
}

// Run searches.
func (s *searchCommand) Run(c *caller) error {
	request := &wire.SearchRequest{Header: c.header(), Offset: s.Offset, MaxElements: s.Max}
	switch {
	case s.Patient != "":
		request.Criteria.ByPatient = &wire.ByPatient{Patient: s.Patient}
	case s.Number != "":
		request.Criteria.ByNotification = &wire.ByNotification{NotificationNumber: s.Number}
	default:
		request.Criteria.ByImplant = &wire.ByImplant{NotificationCode: s.Code, UDI: s.UDI}
	}
	answer, err := client.Call[wire.SearchRequest, wire.SearchResponse](c.ctx, c.client, "Search", request)
	if err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d found\n", answer.Total)
		for _, n := range answer.Notification {
			own := ""
			if n.Own {
				own = ", yours"
			}
			_, _ = fmt.Fprintf(w, "  %s  %s of %s, patient %s, %d line(s), %s%s\n", n.NotificationNumber, n.OperationType,
				n.OperationDate, n.Patient, n.ImplantCount, n.State, own)
		}
	})
}

type cardCommand struct {
	Number  string `help:"Number of the notification." xor:"of" required:"" placeholder:"N"`
	Patient string `help:"SSIN of the patient, for the cumulative card." xor:"of" required:"" placeholder:"SSIN"`
	Out     string `short:"o" help:"Where to write the PDF." required:"" placeholder:"FILE.pdf"`
}

// Run downloads a card.
func (d *cardCommand) Run(c *caller) error {
	request := &wire.GetImplantCardRequest{Header: c.header(), Of: wire.CardOf{NotificationNumber: d.Number, Patient: d.Patient}}
	answer, err := client.Call[wire.GetImplantCardRequest, wire.GetImplantCardResponse](c.ctx, c.client, "GetImplantCard", request)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.Out, answer.Card.Content, 0o600); err != nil {
		return fmt.Errorf("the card: %w", err)
	}
	shown := struct {
		File   string
		Octets int
		Digest []byte
	}{d.Out, len(answer.Card.Content), answer.Card.Digest}
	return c.print(shown, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s written, %d octets\n", d.Out, len(answer.Card.Content))
	})
}

type implantsCommand struct {
	Patient string `help:"SSIN of the patient." required:"" placeholder:"SSIN"`
	At      string `help:"On which day, as YYYY-MM-DD; today when left out." placeholder:"DATE"`
	Offset  int    `help:"How many to skip." default:"0"`
	Max     int    `help:"How many to show, 1 to 100." default:"100"`
}

// Run lists what a patient carries.
func (l *implantsCommand) Run(c *caller) error {
	request := &wire.ListPatientImplantsRequest{Header: c.header(), Offset: l.Offset, MaxElements: l.Max, Patient: l.Patient, At: l.At}
	answer, err := client.Call[wire.ListPatientImplantsRequest, wire.ListPatientImplantsResponse](c.ctx, c.client, "ListPatientImplants", request)
	if err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d implant(s) carried\n", answer.Total)
		for i := range answer.Implant {
			showImplant(w, &answer.Implant[i])
		}
	})
}
