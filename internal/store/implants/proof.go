package implants

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

type versionProofRow struct {
	versionKey
	Number       string           `db:"number"`
	Type         string           `db:"type"`
	State        string           `db:"state"`
	Change       string           `db:"change"`
	RegisteredAt engine.Timestamp `db:"registered_at"`
	Digest       []byte           `db:"digest"`
	Signer       string           `db:"signer"`
	Organisation string           `db:"organisation"`
	Patient      int64            `db:"patient"`
}

func (row versionProofRow) toVersionProof(c *identity.Converter) implants.VersionProof {
	return implants.VersionProof{
		Reference:    row.Reference,
		Version:      row.Version,
		Number:       c.ParseNumber(row.Number),
		Type:         implants.SurgeryType(row.Type),
		State:        implants.State(row.State),
		Change:       implants.Change(row.Change),
		RegisteredAt: time.Time(row.RegisteredAt),
		Digest:       c.ParseDigest(row.Digest),
		Signer:       c.ParseSigner(row.Signer),
		Organisation: c.ParseNIHII(row.Organisation),
	}
}

// event describes the event of the request that created the version.
func (row *versionProofRow) event() platformstore.AcceptedEvent {
	return platformstore.AcceptedEvent{
		At:      time.Time(row.RegisteredAt),
		Patient: row.Patient,
		Signer:  row.Signer,
		Number:  row.Number,
		Operations: []string{"NotifyImplant", "NotifyExplant", "ReviseNotification", "ValidateNotification",
			"DiscardNotification"},
	}
}

const selectVersionProofs = `SELECT reference, version, number, type, state, change, registered_at, digest, signer,
	organisation, patient FROM notification WHERE reference = ` +
	`(SELECT reference FROM notification WHERE number = ? AND number <> ''
	ORDER BY version LIMIT 1)
	ORDER BY version`

// Proofs returns the versions of a notification with their proofs, oldest first.
func (s Register) Proofs(ctx context.Context, number ident.NotificationNumber) ([]implants.VersionProof, error) {
	var all []implants.VersionProof
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var rows []versionProofRow
		err := tx.SelectRows(&rows, selectVersionProofs, number.Digits())
		if err != nil {
			return err
		}
		if all, err = identity.ConvertRows(tx, rows, "notification", versionProofRow.toVersionProof); err != nil {
			return err
		}
		return findAuditRecords(tx, rows, all)
	})
	if err != nil {
		return nil, err
	}
	evidence, err := s.Evidence(ctx, number)
	if err != nil {
		return nil, err
	}
	for i := range all {
		for j := range evidence {
			if evidence[j].Version == all[i].Version {
				all[i].Evidence = &evidence[j]
			}
		}
	}
	return all, nil
}

// findAuditRecords finds the event of each version. A draft without a patient refers to the texts without a person, and
// its event to nobody.
func findAuditRecords(tx *identity.Tx, rows []versionProofRow, all []implants.VersionProof) error {
	noPerson, err := tx.TextPseudonym()
	if err != nil {
		return err
	}
	for i := range rows {
		event := rows[i].event()
		if event.Patient == noPerson.IDOrZero() {
			event.Patient = 0
		}
		if all[i].AuditRecord, err = platformstore.FindAcceptedEvent(tx, event); err != nil {
			return err
		}
	}
	return nil
}
