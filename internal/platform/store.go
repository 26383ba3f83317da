package platform

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Store is the storage of a register: R reads and W also stores.
type Store[R Reader, W Writer] interface {
	// RunReadTx runs f over one consistent view.
	RunReadTx(ctx context.Context, f func(R) error) error
	// RunWriteTx runs f in one transaction. When it returns nil, everything that f stored is durable; on an error,
	// nothing is stored. It may call f more than once, so f must reset its results each time. f must not call
	// RunReadTx or RunWriteTx.
	RunWriteTx(ctx context.Context, f func(W) error) error
	// CheckReady returns an error when the store cannot accept a write now.
	CheckReady(ctx context.Context) error
}

// Reader reads the authentic sources, mandates and staff. A missing entry is false or empty, never an error.
type Reader interface {
	Person(ident.SSIN) (Person, bool, error)
	// Practices returns all practice periods of a professional, found by SSIN or else by the first eight digits of the
	// NIHII number.
	Practices(ProfessionalRef) ([]Practice, error)
	// Organisation finds an organisation by NIHII or else by CBE number.
	Organisation(OrganisationRef) (Organisation, bool, error)
	// Affiliations returns a person's affiliations to an organisation or, when it is zero, to any.
	Affiliations(organisation ident.NIHII, person ident.SSIN) ([]Affiliation, error)
	TherapeuticLinks(patient, professional ident.SSIN) ([]TherapeuticLink, error)
	// CurrentSSIN returns the person's newest SSIN: the given one unless another replaced it.
	CurrentSSIN(ident.SSIN) (ident.SSIN, error)
	// ListStaff returns a page of an organisation's affiliations, and the total count. The order is stable: only new
	// affiliations change it.
	ListStaff(organisation ident.NIHII, offset, limit int) ([]Affiliation, int, error)
	// MandatesByGrantee returns all mandates given to a person, MandatesByGrantor all mandates given by one.
	MandatesByGrantee(grantee ident.SSIN) ([]Mandate, error)
	MandatesByGrantor(grantor ident.SSIN) ([]Mandate, error)
	// EventsByPatient returns a page of the audit events about a person as a patient, newest first, without the person's
	// own reads, and the total count.
	EventsByPatient(patient ident.SSIN, offset, limit int) ([]AuditEvent, int, error)
}

// Writer also stores. It only appends, except for mandates and affiliations, whose changes are all in the audit
// log.
type Writer interface {
	Reader
	// Lock makes concurrent transactions with one of these keys wait until this transaction ends.
	Lock(keys ...string) error
	// SaveMandate and SaveAffiliation add an entry, or replace the one with the same persons, the same service or
	// role, and the same first day. All nodes see it after the commit.
	SaveMandate(Mandate) error
	SaveAffiliation(Affiliation) error
	// PastEmergencies returns what the professional claimed before on the day of the claim; SaveEmergency adds a claim
	// that opens the patient's data at an instant, and deletes those of earlier days.
	PastEmergencies(Emergency) (PastEmergencies, error)
	SaveEmergency(claim Emergency, opensAt time.Time) error
	// RecordReplayKey records a message as used. It returns false when the message was used before.
	RecordReplayKey(ReplayKey) (bool, error)
	AppendEvent(AuditEvent) error
}

// Narrow returns the platform's part of a register's store.
func Narrow[R Reader, W Writer](s Store[R, W]) Store[Reader, Writer] {
	return narrowStore[R, W]{s}
}

type narrowStore[R Reader, W Writer] struct{ store Store[R, W] }

func (n narrowStore[R, W]) RunReadTx(ctx context.Context, f func(Reader) error) error {
	return n.store.RunReadTx(ctx, func(r R) error { return f(r) })
}

func (n narrowStore[R, W]) RunWriteTx(ctx context.Context, f func(Writer) error) error {
	return n.store.RunWriteTx(ctx, func(w W) error { return f(w) })
}

func (n narrowStore[R, W]) CheckReady(ctx context.Context) error { return n.store.CheckReady(ctx) }
