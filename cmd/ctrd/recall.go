package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/terminal"
)

// recallCommands trace recalls and mark devices recalled.
type recallCommands struct {
	Trace traceCommand `cmd:"" default:"withargs" help:"Count recalled implants and list the responsible specialists."`
	Mark  markCommand  `cmd:"" help:"Mark a device recalled on the device list, or remove the mark; a dry run unless --commit."`
}

// outputFlags select the format and destination of a table.
type outputFlags struct {
	Format string `help:"table, csv or json." enum:"table,csv,json" default:"table"`
	Output string `short:"o" help:"File to write, which must not exist; standard output if omitted." type:"path" placeholder:"FILE"`
}

// writeOutput runs write and stores what it writes. Only the owner can read the file.
func (h outputFlags) writeOutput(e environment, write func(io.Writer) error) error {
	if h.Output != "" { // before anything is read and recorded
		switch _, err := os.Lstat(h.Output); {
		case err == nil:
			return fmt.Errorf("--output: %s: %w", h.Output, syscall.EEXIST)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("--output: %w", err)
		}
	}
	var table bytes.Buffer
	if err := write(&table); err != nil {
		return err
	}
	if h.Output == "" {
		_, err := e.stdout.Write(table.Bytes())
		return err
	}
	if err := durable.Create(h.Output, table.Bytes()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

type traceCommand struct {
	registerFlags
	operatorFlags
	outputFlags
	surgeryPeriodFlags
	Code       string `help:"Notification code of the device." placeholder:"CODE" type:"digits"`
	UdiDi      string `name:"udi-di" help:"Device identifier of the UDI." placeholder:"DI"`
	Lot        string `help:"Lot." placeholder:"LOT"`
	LotFrom    string `help:"First lot of a range." placeholder:"LOT"`
	LotTo      string `help:"Last lot." placeholder:"LOT"`
	Serial     string `help:"Serial number." placeholder:"SERIAL"`
	SerialFrom string `help:"First serial number of a range." placeholder:"SERIAL"`
	SerialTo   string `help:"Last serial number." placeholder:"SERIAL"`
	Reveal     string `help:"Name the patients, for this reason, which the audit log records with one event per patient." placeholder:"REASON"`
}

// Run traces the recall.
func (c *traceCommand) Run(e environment) (err error) {
	t := operator.RecallTrace{Reason: c.Reveal, Format: c.Format}
	if t.Query, err = c.newQuery(); err != nil {
		return err
	}
	if c.Reveal != "" {
		if err = operator.CheckRevealReason(c.Reveal); err != nil {
			return fmt.Errorf("--reveal: %w", err)
		}
	}
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found *implants.RecallResult
	err = c.writeOutput(e, func(w io.Writer) error {
		var writeErr error
		found, writeErr = t.Write(e.ctx, db, c.newOperator(db), w)
		return writeErr
	})
	if err == nil && (c.Format != "table" || c.Output != "") {
		err = terminal.Printf(e.stderr, "%d lines; implants still in place: %d of %d, patients: %d, specialists: %d\n",
			len(found.Lines), found.StillImplanted, found.Implanted, found.Patients, found.Specialists)
	}
	return err
}

func (c *traceCommand) newQuery() (q implants.RecallQuery, err error) {
	q.UDIDI = c.UdiDi
	if c.Code != "" {
		if q.Code, err = ident.ParseNotificationCode(c.Code); err != nil {
			return q, fmt.Errorf("--code: %w", err)
		}
	}
	if q.Lots, err = parseRange("lot", c.Lot, c.LotFrom, c.LotTo); err != nil {
		return q, err
	}
	if q.Serials, err = parseRange("serial", c.Serial, c.SerialFrom, c.SerialTo); err != nil {
		return q, err
	}
	if q.From, q.To, err = c.parseDates(); err == nil {
		err = q.Validate()
	}
	return q, err
}

// parseRange returns the range of a single value, or from its two ends.
func parseRange(flag, one, from, to string) (implants.Range, error) {
	switch {
	case one == "":
		return implants.Range{From: from, To: to}, nil
	case from != "" || to != "":
		return implants.Range{}, fmt.Errorf("give --%s, or --%s-from and --%s-to", flag, flag, flag)
	}
	return implants.Range{From: one, To: one}, nil
}

type markCommand struct {
	registerFlags
	operatorFlags
	Code   string `help:"Notification code of the device." required:"" placeholder:"CODE" type:"digits"`
	On     string `help:"First day of the recall; today if omitted. Notifications of surgery from that day on get a warning." placeholder:"DATE"`
	Unmark bool   `help:"Remove the mark: the device gets the status of the list again."`
	Commit bool   `help:"Apply the change. Without it, only report it."`
}

// Run reports the change and, with --commit, applies it.
func (c *markCommand) Run(e environment) (err error) {
	code, err := ident.ParseNotificationCode(c.Code)
	if err != nil {
		return fmt.Errorf("--code: %w", err)
	}
	on, err := c.recallDay()
	if err != nil {
		return err
	}
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	device, err := findDevice(e, db, code)
	if err != nil {
		return err
	}
	if c.Unmark && device.Status != implants.DeviceRecalled {
		return fmt.Errorf("the device %s is not marked recalled", code.Digits())
	}
	after := device
	after.Status, after.RecalledOn = implants.DeviceRecalled, on
	switch {
	case c.Unmark && device.DeletedOn.IsZero():
		after.Status = implants.DeviceActive
	case c.Unmark:
		after.Status = implants.DeviceDeleted
	}
	done := "dry run: nothing changed (add --commit to apply)"
	if c.Commit {
		if err = c.newOperator(db).MarkDeviceRecalled(e.ctx, db, code, on); err != nil {
			return err
		}
		done = "done"
	}
	err = terminal.Printf(
		e.stdout, "%s %s: %s, was %s; %s\n", code.Digits(), device.Name, formatDeviceStatus(after),
		formatDeviceStatus(device), done,
	)
	return err
}

// recallDay returns the first day of the recall; the zero day removes the mark.
func (c *markCommand) recallDay() (ident.Date, error) {
	switch {
	case c.Unmark && c.On != "":
		return ident.Date{}, errors.New("give --on or --unmark")
	case c.Unmark:
		return ident.Date{}, nil
	case c.On == "":
		return currentDay(), nil
	}
	return parseDay("--on", c.On)
}

func findDevice(e environment, db *store.DB, code ident.NotificationCode) (device implants.Device, err error) {
	found := false
	err = db.RunReadTx(e.ctx, func(r implants.Reader) error {
		device, found, err = r.DeviceByCode(code)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("the device list has no device %s", code.Digits())
	}
	return device, err
}

// formatDeviceStatus returns the device's status with its date.
func formatDeviceStatus(d implants.Device) string {
	since := d.DeletedOn
	if d.Status == implants.DeviceRecalled {
		since = d.RecalledOn
	}
	if since.IsZero() {
		return string(d.Status)
	}
	return string(d.Status) + " on " + since.String()
}
