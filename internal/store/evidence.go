package store

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

const insertEvidence = `INSERT INTO evidence (reference, version, message, certificate, accepted) VALUES (?, ?, ?, ?, ?)`

// Prove appends the signed message that made a version, with the certificate that signed it. A certificate may name its
// holder by number, so it is sealed too.
func (u update) Prove(e register.Evidence) error {
	at := version{e.Reference, e.Version}
	patient, err := u.patientOf(at)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	if err = u.s.deflate(&compressed, e.Message); err != nil {
		return u.s.fail(err)
	}
	message, err := patient.sealText(compressed.String(), at.place("message"))
	if err != nil {
		return u.s.fail(err)
	}
	certificate, err := patient.sealText(string(e.Certificate), at.place("certificate"))
	if err != nil {
		return u.s.fail(err)
	}
	return u.s.insert(insertEvidence, e.Reference, e.Version, message, certificate, instant(e.Accepted))
}

// patientOf is the subject whom a version is about: of one that this transaction has just kept without asking again.
func (u update) patientOf(at version) (*subject, error) {
	id, kept := u.s.keptAbout[at]
	if !kept {
		found, err := u.s.get(&id, `SELECT patient FROM notification WHERE reference = ? AND version = ?`, at.Reference, at.Version)
		if err == nil && !found {
			err = u.s.fail(fmt.Errorf("evidence of version %d of a notification that is not there", at.Version))
		}
		if err != nil {
			return nil, err
		}
	}
	if id == 0 {
		return u.establish(ident.SSIN{}, true)
	}
	if u.s.subject(id) == nil {
		if err := u.s.meet(map[int64]bool{id: false}); err != nil {
			return nil, err
		}
	}
	if one := u.s.subject(id); one != nil {
		return one, nil
	}
	return nil, u.s.fail(fmt.Errorf("subject %d is not there", id))
}

type evidenceRow struct {
	version
	Patient     int64   `db:"patient"`
	Message     []byte  `db:"message"`
	Certificate []byte  `db:"certificate"`
	Accepted    instant `db:"accepted"`
}

func (row evidenceRow) evidence(r *reading) register.Evidence {
	e := register.Evidence{Reference: row.Reference, Version: row.Version, Accepted: time.Time(row.Accepted),
		Certificate: []byte(r.text(row.Patient, row.Certificate, row.place("certificate")))}
	compressed := r.text(row.Patient, row.Message, row.place("message"))
	if compressed == "" {
		return e
	}
	var err error
	if e.Message, err = io.ReadAll(flate.NewReader(bytes.NewReader([]byte(compressed)))); err != nil && r.err == nil {
		r.err = err
	}
	return e
}

// Evidence is the signed messages that made the versions of a notification, oldest first.
func (db *DB) Evidence(ctx context.Context, number ident.NotificationNumber) ([]register.Evidence, error) {
	var all []register.Evidence
	err := db.read(ctx, func(s *session) error {
		nobody, err := s.party(ident.SSIN{}, true)
		if err != nil {
			return err
		}
		var rows []evidenceRow
		err = s.all(&rows, `SELECT e.reference, e.version, v.patient, e.message, e.certificate, e.accepted FROM evidence e
			JOIN notification v ON v.reference = e.reference AND v.version = e.version
			WHERE e.reference = (SELECT reference FROM notification WHERE number = ? AND number <> '' ORDER BY version LIMIT 1)
			ORDER BY e.version`, number.Digits())
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].Patient == 0 && nobody != nil {
				rows[i].Patient = nobody.current.id
			}
		}
		all, err = each(s, rows, "evidence", evidenceRow.evidence)
		return err
	})
	return all, err
}

// compressors are used again: one is as large as a hundred messages.
type compressors struct{ unused sync.Pool }

// deflate compresses. It hardly pays to try harder: most of a message are signatures and certificates.
func (c *compressors) deflate(to io.Writer, octets []byte) error {
	w, ok := c.unused.Get().(*flate.Writer)
	if ok {
		w.Reset(to)
	} else {
		var err error
		if w, err = flate.NewWriter(to, flate.BestSpeed); err != nil {
			return fmt.Errorf("compress: %w", err)
		}
	}
	defer c.unused.Put(w)
	if _, err := w.Write(octets); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return w.Close()
}
