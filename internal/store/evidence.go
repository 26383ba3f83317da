package store

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

const insertEvidence = `INSERT INTO evidence (reference, version, message, certificate, accepted) VALUES (?, ?, ?, ?, ?)`

// AppendEvidence appends the signed message that created a version, with the certificate that signed it. A certificate
// may contain the SSIN of its holder, so it is sealed too.
func (w txWriter) AppendEvidence(e implants.Evidence) error {
	key := versionKey{e.Reference, e.Version}
	patient, err := w.versionPatient(key)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	if err = w.tx.deflateTo(&compressed, e.Message); err != nil {
		return w.tx.recordError(err)
	}
	message, err := patient.sealText(compressed.String(), key.associatedData("message"))
	if err != nil {
		return w.tx.recordError(err)
	}
	certificate, err := patient.sealText(string(e.Certificate), key.associatedData("certificate"))
	if err != nil {
		return w.tx.recordError(err)
	}
	return w.tx.insertRow(insertEvidence, e.Reference, e.Version, message, certificate, timestamp(e.AcceptedAt))
}

// versionPatient returns the pseudonym of a version's patient, without a query when this transaction stored the
// version.
func (w txWriter) versionPatient(key versionKey) (*pseudonym, error) {
	id, stored := w.tx.storedPatients[key]
	if !stored {
		found, err := w.tx.selectRow(&id, `SELECT patient FROM notification WHERE reference = ? AND version = ?`, key.Reference, key.Version)
		if err == nil && !found {
			err = w.tx.recordError(fmt.Errorf("evidence of version %d of a notification that is not there", key.Version))
		}
		if err != nil {
			return nil, err
		}
	}
	if id == 0 {
		return w.findOrCreate(ident.SSIN{}, true)
	}
	if w.tx.knownPseudonym(id) == nil {
		if err := w.tx.loadPseudonyms(map[int64]bool{id: false}); err != nil {
			return nil, err
		}
	}
	if pseudonym := w.tx.knownPseudonym(id); pseudonym != nil {
		return pseudonym, nil
	}
	return nil, w.tx.recordError(fmt.Errorf("subject %d is not there", id))
}

type evidenceRow struct {
	versionKey
	Patient     int64     `db:"patient"`
	Message     []byte    `db:"message"`
	Certificate []byte    `db:"certificate"`
	Accepted    timestamp `db:"accepted"`
}

func (row evidenceRow) toEvidence(c *rowConverter) implants.Evidence {
	e := implants.Evidence{Reference: row.Reference, Version: row.Version, AcceptedAt: time.Time(row.Accepted),
		Certificate: []byte(c.openText(row.Patient, row.Certificate, row.associatedData("certificate")))}
	compressed := c.openText(row.Patient, row.Message, row.associatedData("message"))
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
func (db *DB) Evidence(ctx context.Context, number ident.NotificationNumber) ([]implants.Evidence, error) {
	var all []implants.Evidence
	err := db.readTx(ctx, func(tx *tx) error {
		noPerson, err := tx.lookUpPerson(ident.SSIN{}, true)
		if err != nil {
			return err
		}
		var rows []evidenceRow
		err = tx.selectRows(&rows, `SELECT e.reference, e.version, v.patient, e.message, e.certificate, e.accepted FROM evidence e
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
		all, err = convertRows(tx, rows, "evidence", evidenceRow.toEvidence)
		return err
	})
	return all, err
}

// compressorPool reuses compressors, because one is as large as a hundred messages.
type compressorPool struct{ pool sync.Pool }

// deflateTo compresses data with DEFLATE (RFC 1951). It uses the fastest level: signatures and certificates are most of
// a message, and they hardly compress.
func (c *compressorPool) deflateTo(to io.Writer, data []byte) error {
	w, ok := c.pool.Get().(*flate.Writer)
	if ok {
		w.Reset(to)
	} else {
		var err error
		if w, err = flate.NewWriter(to, flate.BestSpeed); err != nil {
			return fmt.Errorf("compress: %w", err)
		}
	}
	defer c.pool.Put(w)
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return w.Close()
}
