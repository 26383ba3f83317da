package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/wire"
)

// saving is how far a notification goes.
type saving struct {
	Save string `help:"How far it goes: Draft, Submit (to its specialist) or Final; as the file says when left out." enum:",Draft,Submit,Final" default:"" placeholder:"HOW-FAR"`
}

// in puts the flag in the place of what the file says.
func (s saving) in(save *string) { *save = cmp.Or(s.Save, *save) }

type notifyCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
	saving
}

// Run sends the notification of an implantation.
func (n *notifyCommand) Run(c *caller) error {
	request, err := readRequest[wire.NotifyImplantRequest](n.File, "NotifyImplantRequest")
	if err != nil {
		return err
	}
	c.complete(&request.Header)
	n.in(&request.Save)
	answer, err := client.Call[wire.NotifyImplantRequest, wire.NotifyResponse](c.ctx, c.client, "NotifyImplant", request)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, answer.Implant, answer.Warning)
}

type explantCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
	saving
}

// Run sends the notification of an explantation.
func (n *explantCommand) Run(c *caller) error {
	request, err := readRequest[wire.NotifyExplantRequest](n.File, "NotifyExplantRequest")
	if err != nil {
		return err
	}
	c.complete(&request.Header)
	n.in(&request.Save)
	answer, err := client.Call[wire.NotifyExplantRequest, wire.NotifyResponse](c.ctx, c.client, "NotifyExplant", request)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, answer.Implant, answer.Warning)
}

// showReceipt shows an answer of which the receipt is the heart.
func (c *caller) showReceipt(answer any, r *wire.Receipt, implants []wire.RegisteredImplant, warnings []wire.Warning) error {
	return c.print(answer, func(w io.Writer) {
		at := r.RegisteredAt.Format(instant)
		if r.State == "Final" {
			_, _ = fmt.Fprintf(w, "registered as %s at %s\n", r.NotificationNumber, at)
		} else {
			_, _ = fmt.Fprintf(w, "%s at %s\n", r.State, at)
		}
		if r.State != "Final" || r.Version > 1 {
			_, _ = fmt.Fprintf(w, "  reference %s, version %d\n", r.Reference, r.Version)
		}
		for i := range implants {
			showImplant(w, &implants[i])
		}
		showWarnings(w, warnings)
	})
}

const instant = "2006-01-02 15:04:05 MST"

func showWarnings(w io.Writer, all []wire.Warning) {
	for _, warning := range all {
		_, _ = fmt.Fprintf(w, "warning %s at %s\n", warning.Code, warning.Path)
		for _, m := range warning.Message {
			if m.Lang == string(languageOfTerminal) {
				_, _ = fmt.Fprintf(w, "  %s\n", m.Value)
			}
		}
	}
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
	if i.Unregistered {
		_, _ = fmt.Fprint(w, ", placed abroad or before the register")
	}
	_, _ = fmt.Fprintln(w)
}

// emergency is the reason for which a doctor sees what he could not see otherwise.
type emergency struct {
	Emergency string `help:"Why you must see it now without a care relation with the patient, in 10 to 200 characters. It is kept and reported." placeholder:"REASON"`
}

type searchCommand struct {
	Patient string `help:"SSIN of the patient." xor:"by,lot,serial" placeholder:"SSIN"`
	Number  string `help:"Number of the notification." xor:"by,lot,serial,from,to" placeholder:"N"`
	Code    string `help:"Notification code of the implant, among your own patients." xor:"by" placeholder:"C"`
	UDI     string `name:"udi" help:"UDI of the implant, among your own patients." xor:"by" placeholder:"U"`
	Lot     string `help:"Its lot, alone or with --code, --udi or --serial." xor:"lot" placeholder:"L"`
	Serial  string `help:"Its serial number, alone or with --code, --udi or --lot." xor:"serial" placeholder:"S"`
	From    string `help:"First day of operation, as YYYY-MM-DD." xor:"from" placeholder:"DATE"`
	To      string `help:"Last day of operation." xor:"to" placeholder:"DATE"`
	Type    string `help:"Implantation or Explantation; both when left out." enum:",Implantation,Explantation" default:"" placeholder:"TYPE"`
	Offset  int    `help:"How many to skip." default:"0"`
	Max     int    `help:"How many to show, 1 to 100." default:"20"`
	emergency
}

// Validate wants something to search by. (An enumeration cannot be in a group of which only one may be given.)
func (s *searchCommand) Validate() error {
	if s.Number != "" && s.Type != "" {
		return errors.New("--number and --type can't be used together")
	}
	if s.Patient+s.Number+s.Code+s.UDI+s.Lot+s.Serial == "" {
		return errors.New("missing flags: --patient=SSIN or --number=N or --code=C or --udi=U or --lot=L or --serial=S")
	}
	return nil
}

// Run searches.
func (s *searchCommand) Run(c *caller) error {
	request := &wire.SearchRequest{Header: c.header(), EmergencyReason: s.Emergency, Offset: s.Offset, MaxElements: s.Max}
	switch {
	case s.Patient != "":
		request.Criteria.ByPatient = &wire.ByPatient{Patient: s.Patient, From: s.From, To: s.To, OperationType: s.Type}
	case s.Number != "":
		request.Criteria.ByNotification = &wire.ByNotification{NotificationNumber: s.Number}
	default:
		request.Criteria.ByImplant = &wire.ByImplant{NotificationCode: s.Code, UDI: s.UDI, LotNumber: s.Lot, SerialNumber: s.Serial,
			From: s.From, To: s.To, OperationType: s.Type}
	}
	answer, err := client.Call[wire.SearchRequest, wire.SearchResponse](c.ctx, c.client, "Search", request)
	if err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d found\n", answer.Total)
		for i := range answer.Notification {
			n := &answer.Notification[i]
			showSummary(w, n.NotificationNumber, n)
		}
	})
}

// showSummary shows a line of a list under the name by which the caller asks further.
func showSummary(w io.Writer, name string, n *wire.Summary) {
	own := ""
	if n.Own {
		own = ", yours"
	}
	_, _ = fmt.Fprintf(w, "  %s  %s of %s, patient %s, %d line(s), %s%s\n", name, n.OperationType, n.OperationDate, n.Patient, n.ImplantCount,
		n.State, own)
}

type cardCommand struct {
	Number  string `help:"Number of the notification." xor:"of" required:"" placeholder:"N"`
	Patient string `help:"SSIN of the patient, for the cumulative card." xor:"of" required:"" placeholder:"SSIN"`
	Out     string `short:"o" help:"Where to write the PDF." required:"" placeholder:"FILE.pdf"`
	emergency
}

// Run downloads a card.
func (d *cardCommand) Run(c *caller) error {
	request := &wire.GetImplantCardRequest{Header: c.header(), EmergencyReason: d.Emergency,
		Of: wire.CardOf{NotificationNumber: d.Number, Patient: d.Patient}}
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
	emergency
}

// Run lists what a patient carries.
func (l *implantsCommand) Run(c *caller) error {
	request := &wire.ListPatientImplantsRequest{Header: c.header(), EmergencyReason: l.Emergency, Offset: l.Offset, MaxElements: l.Max,
		Patient: l.Patient, At: l.At}
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

type devicesCommand struct {
	Text     string `help:"Words of the name, the reference, the manufacturer or the distributor." placeholder:"T"`
	Code     string `help:"Notification code of the device." placeholder:"C"`
	UDI      string `name:"udi" help:"UDI, or its device identifier alone." placeholder:"U"`
	Category string `help:"Category, as Stent or Orthopaedic." placeholder:"K"`
	Offset   int    `help:"How many to skip." default:"0"`
	Max      int    `help:"How many to show, 1 to 100." default:"20"`
}

// Run searches the list of devices.
func (d *devicesCommand) Run(c *caller) error {
	request := &wire.SearchDeviceRequest{Header: c.header(), Offset: d.Offset, MaxElements: d.Max,
		Criteria: wire.DeviceCriteria{Text: d.Text, NotificationCode: d.Code, UDI: d.UDI, Category: d.Category}}
	answer, err := client.Call[wire.SearchDeviceRequest, wire.SearchDeviceResponse](c.ctx, c.client, "SearchDevice", request)
	if err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%d found\n", answer.Total)
		for i := range answer.Device {
			showDevice(w, &answer.Device[i])
		}
	})
}

func showDevice(w io.Writer, d *wire.Device) {
	_, _ = fmt.Fprintf(w, "  %s  %s\n    %s, by %s, %s", d.NotificationCode, d.Name, d.Reference, d.Manufacturer, d.DeviceStatus)
	if d.DeletedOn != "" {
		_, _ = fmt.Fprintf(w, " on %s", d.DeletedOn)
	}
	_, _ = fmt.Fprintln(w)
}
