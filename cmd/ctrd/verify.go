package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/verification"
)

// verifyRegisterCommand verifies the audit log, and every version against its signed message and the audit log.
type verifyRegisterCommand struct {
	verifyCommand
	Fast  bool   `help:"Use every processor, and do not pause between pages. Requests to a service on the same machine become slower meanwhile."`
	Since string `help:"Verify only what was registered since a day, or since the last verification without a finding (last)." placeholder:"DATE|last"`
}

// pauseMultiple leaves most of one processor to the service: the work takes a tenth of the time.
const pauseMultiple = 9

// Run verifies the whole register and fails if there is any finding.
func (c *verifyRegisterCommand) Run(e environment) error {
	err := c.verifyCommand.Run(e)
	if err != nil && !errors.Is(err, errDoesNotVerify) {
		return err
	}
	return errors.Join(err, c.verifyRegister(e))
}

func (c *verifyRegisterCommand) verifyRegister(e environment) (err error) {
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	options := verification.Options{Now: time.Now, Pause: verification.PauseFor(pauseMultiple)}
	if c.Fast {
		options.Pause, options.Workers = nil, runtime.GOMAXPROCS(0)
	}
	if options.Since, err = c.parseSince(); err != nil {
		return err
	}
	begin := time.Now()
	report, err := verification.Verify(e.ctx, db, options)
	if err != nil {
		return err //nolint:wrapcheck // the store says what failed
	}
	if _, err = io.WriteString(e.stdout, report.Text()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if n := report.Count(); n > 0 {
		return fmt.Errorf("the register does not verify: findings: %d", n)
	}
	if err = service.NoteInstant(c.Data, service.VerifiedFileName, begin); err != nil {
		return fmt.Errorf("note the verification: %w", err)
	}
	return nil
}

// parseSince returns the instant at which the verification begins, zero for the first version.
func (c *verifyRegisterCommand) parseSince() (time.Time, error) {
	if c.Since == "last" {
		return service.ReadInstant(c.Data, service.VerifiedFileName) //nolint:wrapcheck // it names the file
	}
	day, err := parseDay("--since", c.Since)
	if err != nil || day.IsZero() {
		return time.Time{}, err
	}
	return startOfDay(day), nil
}
