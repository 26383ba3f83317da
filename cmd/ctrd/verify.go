package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/openctr/ctr/internal/verification"
)

// verifyRegisterCommand verifies the audit log, and every version against its signed message and the audit log.
type verifyRegisterCommand struct {
	verifyCommand
	Fast bool `help:"Do not pause between pages. Requests to a service on the same machine become slower meanwhile."`
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
	pause := verification.PauseFor(pauseMultiple)
	if c.Fast {
		pause = func(context.Context, time.Duration) error { return nil }
	}
	report, err := verification.Verify(e.ctx, db, time.Now, pause)
	if err != nil {
		return err //nolint:wrapcheck // the store says what failed
	}
	if _, err = io.WriteString(e.stdout, report.Text()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if n := report.Count(); n > 0 {
		return fmt.Errorf("the register does not verify: findings: %d", n)
	}
	return nil
}
