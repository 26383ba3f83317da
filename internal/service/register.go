package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/store"
)

// openRegister is the open store of a service with its background jobs.
type openRegister struct {
	mu         sync.Mutex // serialises closing and resetting
	store      *store.DB
	sealer     *sealer
	verifier   *registerVerifier
	stamper    *countersign.Stamper // nil without an authority
	cancelJobs context.CancelFunc
	jobs       sync.WaitGroup
	startJob   func(job func(context.Context)) // starts a job that ends when the register is closed
}

// backgroundLimit bounds one round of background work, and every transaction that has no earlier deadline.
const backgroundLimit = 30 * time.Second

// open opens the store, loads the development data into a new development register, and starts the jobs that seal the
// audit log and purge what expired. The jobs end with background.
func (b *openRegister) open(ctx, background context.Context, c *Config) (err error) {
	if c.UnverifiedDatabase {
		c.Log.WarnContext(ctx, "the identity of the database server is not verified")
	}
	journal, err := auditlog.OpenJournal(filepath.Join(c.DataDirectory, auditlog.JournalFileName))
	if err != nil {
		return err
	}
	b.store, err = store.Open(ctx, store.Config{
		URL: c.DatabaseURL, AllowUnverified: c.UnverifiedDatabase, Directory: c.DataDirectory, KeyFile: c.KeyFile,
		KeyFileMustExist: c.KeyFileMustExist, IsCredential: c.IsKeyCredential,
		Limit: backgroundLimit, Log: c.Log, Watch: true, OnEvent: journal.Add,
		WatermarkFile: filepath.Join(c.DataDirectory, store.WatermarkFileName),
	})
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	if c.Development {
		if err = loadDevelopmentData(ctx, b.store); err != nil {
			return err
		}
	}
	if b.sealer, err = startSealer(ctx, b.store, journal, c); err != nil {
		return err
	}
	stamper, err := c.newStamper()
	if err != nil {
		return err
	}
	b.stamper, b.sealer.stamper = stamper, stamper
	background, b.cancelJobs = context.WithCancel(background)
	b.startJob = func(job func(context.Context)) { b.jobs.Go(func() { job(background) }) }
	b.jobs.Go(func() { b.sealer.sealPeriodically(background) })
	b.jobs.Go(func() { journal.Run(background, func(err error) { b.sealer.noteFailure(background, err) }) })
	b.jobs.Go(func() { b.purgePeriodically(background, c.Log) })
	b.verifier = newRegisterVerifier(b.store, c)
	b.jobs.Go(func() { b.verifier.runNightly(background) })
	if stamper != nil {
		b.jobs.Go(func() { stampPeriodically(background, stamper, c.Log) })
	}
	return nil
}

// close stops the jobs and closes the store. Closing it again does nothing.
func (b *openRegister) close(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	sealErr, err := b.closeLocked(ctx)
	return errors.Join(sealErr, err)
}

// closeLocked also returns the error of the last sealing, which does not matter for a register about to be deleted.
func (b *openRegister) closeLocked(ctx context.Context) (sealErr, err error) {
	if b.cancelJobs != nil {
		b.cancelJobs()
		b.jobs.Wait()
	}
	if b.sealer != nil {
		sealErr = b.sealer.sealAndStop(ctx)
	}
	if b.store != nil {
		err = b.store.Close()
	}
	b.store, b.sealer, b.verifier, b.stamper, b.cancelJobs = nil, nil, nil, nil, nil
	return sealErr, err
}

// reset deletes an embedded register and opens a new one. The caller must keep requests away meanwhile.
func (b *openRegister) reset(ctx context.Context, c *Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == nil {
		return errors.New("the register is closed")
	}
	if _, err := b.closeLocked(ctx); err != nil {
		return fmt.Errorf("close the register: %w", err)
	}
	// Delete the database last: a service that stops in between still has its data. Keep the key file, which other
	// registers may use too.
	for _, name := range []string{
		auditlog.AnchorFileName, auditlog.JournalFileName, countersign.FileName, VerifiedFileName, store.WatermarkFileName,
		"ctr.sqlite-wal", "ctr.sqlite-shm", "ctr.sqlite",
	} {
		if err := os.Remove(filepath.Join(c.DataDirectory, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delete the register: %w", err)
		}
	}
	return b.open(ctx, ctx, c)
}

// purgePeriodically deletes the replay keys of messages that have expired and would be rejected anyway, and the expired
// sessions of the portal.
func (b *openRegister) purgePeriodically(ctx context.Context, log *slog.Logger) {
	const interval, margin = 10 * time.Minute, 10 * time.Minute
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			b.purgeOnce(ctx, log, now.Add(-margin))
		}
	}
}

func (b *openRegister) purgeOnce(ctx context.Context, log *slog.Logger, before time.Time) {
	limited, cancel := context.WithTimeout(ctx, backgroundLimit)
	defer cancel()
	_, err := b.store.PurgeReplayKeys(limited, before)
	_, sessionsErr := b.store.PurgeSessions(limited, before)
	if err = errors.Join(err, sessionsErr); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "replay keys or sessions not purged", slog.String("error", err.Error()))
	}
}
