package service

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/portal/operatorpages"
)

// operatorState is what the operator's page of the state needs beside the open register.
type operatorState struct {
	certificates []operatorpages.CertificateState
	revocation   *revocation.StatusChecker
}

// addOperatorState notes the certificates that the service uses; it does nothing without a portal.
func (parts *portalParts) addOperatorState(files serviceFiles, replyKey *x509id.Key, cards cardSettings) {
	if parts == nil {
		return
	}
	state := &parts.state
	state.revocation = files.revocation
	add := func(use operatorpages.CertificateUse, name string, c *x509.Certificate) {
		state.certificates = append(state.certificates, operatorpages.CertificateState{
			Use: use, Name: name, NotAfter: c.NotAfter,
		})
	}
	if files.tlsCertificate.Leaf != nil {
		add(operatorpages.UseTLS, "", files.tlsCertificate.Leaf)
	}
	if replyKey != nil {
		add(operatorpages.UseReply, "", replyKey.Certificate)
	}
	add(operatorpages.UsePortal, "", parts.client.Key.Certificate)
	if cards.key != nil {
		add(operatorpages.UseCard, "", cards.key.Chain[0])
	}
	for _, authority := range files.trust.Authorities() {
		add(operatorpages.UseAuthority, cmp.Or(authority.Subject.CommonName, authority.Subject.String()), authority)
	}
}

// read returns the state now. Nothing in it waits for the database.
func (o *operatorState) read(ctx context.Context, c *Config, r *openRegister) operatorpages.State {
	sealing, database, revoked := r.sealing(), r.status(), o.revocation.Summarize()
	waiting := sealing.stalledFor(c.Now())
	state := operatorpages.State{
		Sealing: operatorpages.SealingState{
			Unsealed: sealing.unsealed, SealedAt: sealing.lastSealed, Waiting: waiting, IsStalled: waiting > maxUnsealed,
			LostEvents: sealing.lost, IsCutOff: sealing.cutOff,
		},
		Certificates: o.certificates,
		Revocation: operatorpages.RevocationState{
			Lists: revoked.Lists, Overdue: revoked.Overdue, Answers: revoked.Answers, Failing: revoked.Failing,
			Oldest: revoked.Oldest,
		},
		Database: operatorpages.DatabaseState{
			Deadlines: database.Deadlines, IsSilent: database.Silent, HasFailed: database.Failure != nil,
		},
	}
	readNote := func(name string) time.Time {
		at, err := ReadInstant(c.DataDirectory, name)
		if err != nil {
			c.Log.ErrorContext(ctx, "note not read", slog.String("file", name), slog.String("error", err.Error()))
		}
		return at
	}
	state.VerifiedAt, state.BackedUpAt = readNote(VerifiedFileName), readNote(LastBackupFileName)
	if v := r.currentVerifier(); v != nil {
		v.mu.Lock()
		state.Findings = v.findings
		v.mu.Unlock()
	}
	if stamper := r.currentStamper(); stamper != nil {
		status := stamper.Status()
		state.Stamps = &operatorpages.StampState{StampedAt: status.LastStamped, Failures: status.Failures}
	}
	return state
}
