package implants

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
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// AppendEvidence appends the signed message that created a version, with the certificate that signed it. A certificate
// may contain the SSIN of its holder, so it is sealed too.
func (w Writer) AppendEvidence(e implants.Evidence) error {
	key := versionKey{e.Reference, e.Version}
	patient, err := w.versionPatient(key)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	if err = compressors.deflateTo(&compressed, e.Message); err != nil {
		return w.tx.RecordError(err)
	}
	message, err := patient.SealText(compressed.String(), key.associatedData("message"))
	if err != nil {
		return w.tx.RecordError(err)
	}
	certificate, err := patient.SealText(string(e.Certificate), key.associatedData("certificate"))
	if err != nil {
		return w.tx.RecordError(err)
	}
	return evidenceTable.Insert(w.tx.Tx, evidenceRow{key, message, certificate, engine.Timestamp(e.AcceptedAt)})
}

// versionPatient returns the pseudonym of a version's patient, without a query when this transaction stored the
// version.
func (w Writer) versionPatient(key versionKey) (*identity.Pseudonym, error) {
	if patient := w.storedPatients[key]; patient != nil {
		return patient, nil
	}
	var id int64
	if _, stored := w.storedPatients[key]; !stored {
		found, err := w.tx.SelectRow(&id, `SELECT patient FROM notification WHERE reference = ? AND version = ?`,
			key.Reference, key.Version)
		if err == nil && !found {
			err = w.tx.RecordError(fmt.Errorf("evidence of version %d of a notification that is missing", key.Version))
		}
		if err != nil {
			return nil, err
		}
	}
	return textOwner(w.tx, id)
}

// evidenceRow is a row of the table evidence.
type evidenceRow struct {
	versionKey
	Message     []byte           `db:"message"`
	Certificate []byte           `db:"certificate"`
	Accepted    engine.Timestamp `db:"accepted"`
}

var evidenceTable = engine.NewTable[evidenceRow]("evidence", engine.OnConflict{})

// foundEvidenceRow is an evidenceRow with the patient of its notification.
type foundEvidenceRow struct {
	evidenceRow
	Patient int64 `db:"patient"`
}

func (row foundEvidenceRow) toEvidence(c *identity.Converter) implants.Evidence {
	e := implants.Evidence{
		Reference:   row.Reference,
		Version:     row.Version,
		AcceptedAt:  time.Time(row.Accepted),
		Certificate: []byte(c.OpenText(row.Patient, row.Certificate, row.associatedData("certificate"))),
	}
	compressed := c.OpenText(row.Patient, row.Message, row.associatedData("message"))
	if compressed == "" {
		return e
	}
	var err error
	e.Message, err = io.ReadAll(flate.NewReader(bytes.NewReader([]byte(compressed))))
	c.RecordError(err)
	return e
}

// Evidence returns the signed messages that created the versions of a notification, oldest first.
func (s Register) Evidence(ctx context.Context, number ident.NotificationNumber) ([]implants.Evidence, error) {
	var all []implants.Evidence
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var rows []foundEvidenceRow
		err := tx.SelectRows(&rows, `SELECT `+evidenceTable.Columns("e")+`, v.patient FROM evidence e
			JOIN notification v ON v.reference = e.reference AND v.version = e.version
			WHERE e.reference = (SELECT reference FROM notification WHERE number = ? AND number <> '' ORDER BY version LIMIT 1)
			ORDER BY e.version`, number.Digits())
		if err != nil {
			return err
		}
		all, err = identity.ConvertRows(tx, rows, "evidence", foundEvidenceRow.toEvidence)
		return err
	})
	return all, err
}

// compressorPool reuses compressors, because one is as large as a hundred messages.
type compressorPool struct{ pool sync.Pool }

var compressors compressorPool

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
