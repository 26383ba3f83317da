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

// AppendEvidence appends the signed message that created a version, with the certificate that signed it. A certificate
// may contain the SSIN of its holder, so it is sealed too.
func (w update) AppendEvidence(e register.Evidence) error {
	key := version{e.Reference, e.Version}
	patient, err := w.patientOf(key)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	if err = w.s.deflate(&compressed, e.Message); err != nil {
		return w.s.fail(err)
	}
	message, err := patient.sealText(compressed.String(), key.place("message"))
	if err != nil {
		return w.s.fail(err)
	}
	certificate, err := patient.sealText(string(e.Certificate), key.place("certificate"))
	if err != nil {
		return w.s.fail(err)
	}
	return w.s.insert(insertEvidence, e.Reference, e.Version, message, certificate, instant(e.AcceptedAt))
}

// versionPatient returns the pseudonym of a version's patient, without a query when this transaction stored the
// version.
func (w update) patientOf(key version) (*subject, error) {
	id, stored := w.s.keptAbout[key]
	if !stored {
		found, err := w.s.get(&id, `SELECT patient FROM notification WHERE reference = ? AND version = ?`, key.Reference, key.Version)
		if err == nil && !found {
			err = w.s.fail(fmt.Errorf("evidence of version %d of a notification that is not there", key.Version))
		}
		if err != nil {
			return nil, err
		}
	}
	if id == 0 {
		return w.establish(ident.SSIN{}, true)
	}
	if w.s.subject(id) == nil {
		if err := w.s.meet(map[int64]bool{id: false}); err != nil {
			return nil, err
		}
	}
	if pseudonym := w.s.subject(id); pseudonym != nil {
		return pseudonym, nil
	}
	return nil, w.s.fail(fmt.Errorf("subject %d is not there", id))
}

type evidenceRow struct {
	version
	Patient     int64   `db:"patient"`
	Message     []byte  `db:"message"`
	Certificate []byte  `db:"certificate"`
	Accepted    instant `db:"accepted"`
}

func (row evidenceRow) evidence(c *reading) register.Evidence {
	e := register.Evidence{Reference: row.Reference, Version: row.Version, AcceptedAt: time.Time(row.Accepted),
		Certificate: []byte(c.text(row.Patient, row.Certificate, row.place("certificate")))}
	compressed := c.text(row.Patient, row.Message, row.place("message"))
	if compressed == "" {
		return e
	}
	var err error
	if e.Message, err = io.ReadAll(flate.NewReader(bytes.NewReader([]byte(compressed)))); err != nil && c.err == nil {
		c.err = err
	}
	return e
}

// Evidence returns the signed messages that created the versions of a notification, oldest first.
func (db *DB) Evidence(ctx context.Context, number ident.NotificationNumber) ([]register.Evidence, error) {
	var all []register.Evidence
	err := db.read(ctx, func(tx *session) error {
		noPerson, err := tx.party(ident.SSIN{}, true)
		if err != nil {
			return err
		}
		var rows []evidenceRow
		err = tx.all(&rows, `SELECT e.reference, e.version, v.patient, e.message, e.certificate, e.accepted FROM evidence e
			JOIN notification v ON v.reference = e.reference AND v.version = e.version
			WHERE e.reference = (SELECT reference FROM notification WHERE number = ? AND number <> '' ORDER BY version LIMIT 1)
			ORDER BY e.version`, number.Digits())
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].Patient == 0 && noPerson != nil {
				rows[i].Patient = noPerson.current.id
			}
		}
		all, err = each(tx, rows, "evidence", evidenceRow.evidence)
		return err
	})
	return all, err
}

// compressorPool reuses compressors, because one is as large as a hundred messages.
type compressors struct{ unused sync.Pool }

// deflateTo compresses data with DEFLATE (RFC 1951). It uses the fastest level: signatures and certificates are most of
// a message, and they hardly compress.
func (c *compressors) deflate(to io.Writer, data []byte) error {
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
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return w.Close()
}
