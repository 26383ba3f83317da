package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// saveFlag is the state to which a notification is saved.
type saveFlag struct {
	Save string `help:"State of the notification: Draft, Submit (to its specialist) or Final. Default: the state in the file." enum:",Draft,Submit,Final" default:"" placeholder:"STATE"`
}

// overrideSave replaces the value from the file by that of the flag, if it is set.
func (s saveFlag) overrideSave(save *string) { *save = cmp.Or(s.Save, *save) }

type notifyCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
	saveFlag
}

// Run sends the notification of an implantation.
func (n *notifyCommand) Run(c *serviceClient) error {
	request, err := client.ReadRequest[ctr.NotifyImplantRequest](n.File, "NotifyImplant")
	if err != nil {
		return err
	}
	c.completeHeader(&request.Header)
	n.overrideSave(&request.Save)
	answer, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](c.ctx, c.client, "NotifyImplant", request)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, answer.Implant, answer.Warning)
}

type explantCommand struct {
	File string `arg:"" help:"XML file with the request." type:"existingfile"`
	saveFlag
}

// Run sends the notification of an explantation.
func (n *explantCommand) Run(c *serviceClient) error {
	request, err := client.ReadRequest[ctr.NotifyExplantRequest](n.File, "NotifyExplant")
	if err != nil {
		return err
	}
	c.completeHeader(&request.Header)
	n.overrideSave(&request.Save)
	answer, err := client.Call[ctr.NotifyExplantRequest, ctr.NotifyResponse](c.ctx, c.client, "NotifyExplant", request)
	if err != nil {
		return err
	}
	return c.showReceipt(answer, &answer.Receipt, answer.Implant, answer.Warning)
}

// showReceipt prints an answer with a receipt.
func (c *serviceClient) showReceipt(
	answer any, r *ctr.Receipt, implants []ctr.RegisteredImplant, warnings []ctr.Warning,
) error {
	return c.printAnswer(answer, func(w io.Writer) {
		at := r.RegisteredAt.Format(instantLayout)
		if r.State == "Final" {
			_ = terminal.Printf(w, "registered as %s at %s\n", r.NotificationNumber, at)
		} else {
			_ = terminal.Printf(w, "%s at %s\n", r.State, at)
		}
		if r.State != "Final" || r.Version > 1 {
			_ = terminal.Printf(w, "  reference %s, version %d\n", r.Reference, r.Version)
		}
		for i := range implants {
			showImplant(w, &implants[i])
		}
		showWarnings(w, warnings)
	})
}

const instantLayout = "2006-01-02 15:04:05 MST"

func showWarnings(w io.Writer, all []ctr.Warning) {
	for _, warning := range all {
		_ = terminal.Printf(w, "warning %s at %s\n", warning.Code, warning.Path)
		for _, m := range warning.Message {
			if m.Lang == string(terminalLanguage) {
				_ = terminal.Printf(w, "  %s\n", m.Value)
			}
		}
	}
}

func showImplant(w io.Writer, i *ctr.RegisteredImplant) {
	name := i.UDIDI
	if i.Device != nil {
		name = i.Device.Name
	}
	_ = terminal.Printf(
		w, "  %s  %s\n    placed %s, remaining %d of %d", i.ImplantID, name, i.OperationDate, i.Remaining, i.Quantity,
	)
	for _, part := range [][2]string{
		{"lot", i.LotNumber}, {"serial", i.SerialNumber}, {"expiry", i.ExpiryDate}, {"at", i.Location},
	} {
		if part[1] != "" {
			_ = terminal.Printf(w, ", %s %s", part[0], part[1])
		}
	}
	if i.Unregistered {
		_ = terminal.Printf(w, ", placed abroad or before the register")
	}
	_ = terminal.Printf(w, "\n")
}

// emergencyFlag is the reason for which a doctor may read data without a care relation.
type emergencyFlag struct {
	Emergency string `help:"Reason for access without a care relation with the patient, 10 to 200 characters. It is recorded and reported." placeholder:"REASON"`
}

// emergencyFlags also name the patient, where a command may name a notification instead.
type emergencyFlags struct {
	emergencyFlag
	EmergencyPatient string `help:"SSIN of the patient, if a notification is named in an emergency." placeholder:"SSIN"`
}

type searchCommand struct {
	Patient string `help:"SSIN of the patient." xor:"by,lot,serial" placeholder:"SSIN" type:"person"`
	Number  string `help:"Number of the notification." xor:"by,lot,serial,from,to" placeholder:"N" type:"digits"`
	Code    string `help:"Notification code of the implant, among your own patients." xor:"by" placeholder:"C" type:"digits"`
	UDI     string `name:"udi" help:"UDI of the implant, among your own patients." xor:"by" placeholder:"U"`
	Lot     string `help:"Lot of the implant, alone or with --code, --udi or --serial." xor:"lot" placeholder:"L"`
	Serial  string `help:"Serial number of the implant, alone or with --code, --udi or --lot." xor:"serial" placeholder:"S"`
	From    string `help:"First operation date, as YYYY-MM-DD." xor:"from" placeholder:"DATE"`
	To      string `help:"Last operation date." xor:"to" placeholder:"DATE"`
	Type    string `help:"Implantation or Explantation. Default: both." enum:",Implantation,Explantation" default:"" placeholder:"TYPE"`
	Offset  int    `help:"Number of results to skip." default:"0"`
	Max     int    `help:"Number of results to show, 1 to 100." default:"20"`
	emergencyFlags
}

// Validate requires a search criterion. (kong does not allow an enumeration in a xor group, so --type is checked
// here.)
func (s *searchCommand) Validate() error {
	if s.Number != "" && s.Type != "" {
		return errors.New("--number and --type can't be used together")
	}
	if s.Patient+s.Number+s.Code+s.UDI+s.Lot+s.Serial == "" {
		return errors.New("missing flags: --patient=SSIN or --number=N or --code=C or --udi=U or --lot=L or --serial=S")
	}
	return nil
}

// Run searches for notifications.
func (s *searchCommand) Run(c *serviceClient) error {
	request := &ctr.SearchRequest{
		Header:           c.newHeader(),
		EmergencyReason:  s.Emergency,
		EmergencyPatient: s.EmergencyPatient,
		Offset:           s.Offset,
		MaxElements:      s.Max,
	}
	switch {
	case s.Patient != "":
		request.Criteria.ByPatient = &ctr.ByPatient{Patient: s.Patient, From: s.From, To: s.To, OperationType: s.Type}
	case s.Number != "":
		request.Criteria.ByNotification = &ctr.ByNotification{NotificationNumber: s.Number}
	default:
		request.Criteria.ByImplant = &ctr.ByImplant{
			NotificationCode: s.Code,
			UDI:              s.UDI,
			LotNumber:        s.Lot,
			SerialNumber:     s.Serial,
			From:             s.From,
			To:               s.To,
			OperationType:    s.Type,
		}
	}
	answer, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](c.ctx, c.client, "Search", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d found\n", answer.Total)
		for i := range answer.Notification {
			n := &answer.Notification[i]
			showSummary(w, n.NotificationNumber, n)
		}
	})
}

// showSummary prints a line of a list. name is the identifier for further requests.
func showSummary(w io.Writer, name string, n *ctr.Summary) {
	own := ""
	if n.Own {
		own = ", yours"
	}
	_ = terminal.Printf(w, "  %s  %s of %s, patient %s, %d line(s), %s%s\n", name, n.OperationType,
		n.OperationDate, n.Patient, n.ImplantCount,
		n.State, own)
}

// cardCommands download a card, or verify one.
type cardCommands struct {
	Download cardCommand       `cmd:"" default:"withargs" help:"Download an implant card or a patient's cumulative card. This is what card does without another word."`
	Verify   verifyCardCommand `cmd:"" help:"Verify the signature of a card offline. Needs no key and no service."`
}

type cardCommand struct {
	Number  string `help:"Number of the notification." xor:"of" required:"" placeholder:"N" type:"digits"`
	Patient string `help:"SSIN of the patient, for the cumulative card." xor:"of" required:"" placeholder:"SSIN" type:"person"`
	Out     string `short:"o" help:"Where to write the PDF." required:"" placeholder:"FILE.pdf"`
	emergencyFlags
}

// Run downloads a card.
func (d *cardCommand) Run(c *serviceClient) error {
	request := &ctr.GetImplantCardRequest{Header: c.newHeader(), EmergencyReason: d.Emergency,
		EmergencyPatient: d.EmergencyPatient,
		Of:               ctr.CardOf{NotificationNumber: d.Number, Patient: d.Patient}}
	answer, err := client.Call[ctr.GetImplantCardRequest, ctr.GetImplantCardResponse](
		c.ctx, c.client, "GetImplantCard", request,
	)
	if err != nil {
		return err
	}
	if err := durable.Save(d.Out, answer.Card.Content); err != nil {
		return fmt.Errorf("the card: %w", err)
	}
	shown := struct {
		File   string
		Octets int
		Digest []byte
	}{d.Out, len(answer.Card.Content), answer.Card.Digest}
	return c.printAnswer(shown, func(w io.Writer) {
		_ = terminal.Printf(w, "%s written, %d bytes\n", d.Out, len(answer.Card.Content))
	})
}

type implantsCommand struct {
	Patient string `help:"SSIN of the patient." required:"" placeholder:"SSIN" type:"person"`
	At      string `help:"Day, as YYYY-MM-DD. Default: today." placeholder:"DATE"`
	Offset  int    `help:"Number of results to skip." default:"0"`
	Max     int    `help:"Number of results to show, 1 to 100." default:"100"`
	emergencyFlag
}

// Run lists the implants that a patient carries.
func (l *implantsCommand) Run(c *serviceClient) error {
	request := &ctr.ListPatientImplantsRequest{
		Header:          c.newHeader(),
		EmergencyReason: l.Emergency,
		Offset:          l.Offset,
		MaxElements:     l.Max,
		Patient:         l.Patient,
		At:              l.At,
	}
	answer, err := client.Call[ctr.ListPatientImplantsRequest, ctr.ListPatientImplantsResponse](
		c.ctx, c.client, "ListPatientImplants", request,
	)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d implant(s) carried\n", answer.Total)
		for i := range answer.Implant {
			showImplant(w, &answer.Implant[i])
		}
	})
}

type devicesCommand struct {
	Text     string `help:"Words in the name, the reference, the manufacturer or the distributor." placeholder:"T"`
	Code     string `help:"Notification code of the device." placeholder:"C" type:"digits"`
	UDI      string `name:"udi" help:"UDI, or its device identifier alone." placeholder:"U"`
	Category string `help:"Category, such as Stent or Orthopaedic." placeholder:"K"`
	Offset   int    `help:"Number of results to skip." default:"0"`
	Max      int    `help:"Number of results to show, 1 to 100." default:"20"`
}

// Run searches the device list.
func (d *devicesCommand) Run(c *serviceClient) error {
	request := &ctr.SearchDeviceRequest{Header: c.newHeader(), Offset: d.Offset, MaxElements: d.Max,
		Criteria: ctr.DeviceCriteria{Text: d.Text, NotificationCode: d.Code, UDI: d.UDI, Category: d.Category}}
	answer, err := client.Call[ctr.SearchDeviceRequest, ctr.SearchDeviceResponse](c.ctx, c.client, "SearchDevice", request)
	if err != nil {
		return err
	}
	return c.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%d found\n", answer.Total)
		for i := range answer.Device {
			showDevice(w, &answer.Device[i])
		}
	})
}

func showDevice(w io.Writer, d *ctr.Device) {
	_ = terminal.Printf(
		w, "  %s  %s\n    %s, by %s, %s", d.NotificationCode, d.Name, d.Reference, d.Manufacturer, d.DeviceStatus,
	)
	if d.DeletedOn != "" {
		_ = terminal.Printf(w, " on %s", d.DeletedOn)
	}
	_ = terminal.Printf(w, "\n")
}
