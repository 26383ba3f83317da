package implants

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// cardRow is a row of the table card. The state is empty for the implant card of the version.
type cardRow struct {
	versionKey
	State    string `db:"state"`
	Document []byte `db:"document"`
}

var cardTable = engine.NewTable[cardRow]("card", engine.DoNothing("reference", "version", "state"))

// foundCardRow is a cardRow with the patient of its notification.
type foundCardRow struct {
	cardRow
	Patient int64 `db:"patient"`
}

var selectCard = `SELECT ` + cardTable.Columns("c") + `, n.patient FROM card c
	JOIN notification n ON n.reference = c.reference AND n.version = c.version
	WHERE c.reference = ? AND c.version = ? AND c.state IN `

// cardStateUse is the use of the hashes of what patient cards say. A plain digest would tell the patient to who tries
// all numbers.
const cardStateUse = "card"

// hashCardState returns the columns that may hold a state, the newest first.
func hashCardState(tx *identity.Tx, state string) ([]string, error) {
	if state == "" {
		return []string{""}, nil
	}
	return tx.HashText(cardStateUse, state)
}

// cardData is the associated data of a card.
func (v versionKey) cardData(state string) string { return v.associatedData("card " + state) }

// maxCardBytes bounds a card that is read, to stop a damaged one.
const maxCardBytes = 16 << 20

func (row foundCardRow) toDocument(c *identity.Converter) []byte {
	compressed := c.OpenText(row.Patient, row.Document, row.cardData(row.State))
	if compressed == "" {
		return nil
	}
	document, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader([]byte(compressed))), maxCardBytes))
	c.RecordError(err)
	return document
}

func findCard(tx *identity.Tx, key versionKey, state string) ([]byte, bool, error) {
	states, err := hashCardState(tx, state)
	if err != nil || len(states) == 0 {
		return nil, false, err
	}
	return identity.QueryOne(tx, "card", foundCardRow.toDocument, selectCard+engine.InList(len(states)),
		append([]any{key.Reference, key.Version}, engine.ToArgs(states)...)...)
}

// KeptCard returns a signed card that was kept: the implant card of a version or, with a state, a patient card.
func (s Register) KeptCard(ctx context.Context, reference string, version int, state string) ([]byte, bool, error) {
	var document []byte
	var found bool
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		document, found, err = findCard(tx, versionKey{reference, version}, state)
		return err
	})
	return document, found, err
}

// KeepCard keeps a signed card, unless one is kept already, and returns the one that is kept: of several services that
// sign the same card at the same time, the first decides.
func (s Register) KeepCard(
	ctx context.Context, reference string, version int, state string, document []byte,
) ([]byte, error) {
	var compressed bytes.Buffer
	if err := compressors.deflateTo(&compressed, document); err != nil {
		return nil, err
	}
	var kept []byte
	key := versionKey{reference, version}
	err := s.db.Write(ctx, func(tx *identity.Tx) error {
		var found bool
		var err error
		if kept, found, err = findCard(tx, key, state); err != nil || found {
			return err
		}
		row, err := newCardRow(tx, key, state, compressed.String())
		if err != nil {
			return err
		}
		inserted, err := cardTable.InsertNow(tx.Tx, row)
		if kept = document; err == nil && inserted == 0 { // another service kept one meanwhile
			kept, _, err = findCard(tx, key, state)
		}
		return err
	})
	return kept, err
}

func newCardRow(tx *identity.Tx, key versionKey, state, compressed string) (row cardRow, err error) {
	row = cardRow{versionKey: key}
	if state != "" {
		if row.State, err = tx.HashNewText(cardStateUse, state); err != nil {
			return row, err
		}
	}
	var patient int64
	found, err := tx.SelectRow(&patient, `SELECT patient FROM notification WHERE reference = ? AND version = ?`,
		key.Reference, key.Version)
	if err == nil && !found {
		err = tx.RecordError(errors.New("a card of a version that is missing"))
	}
	if err != nil {
		return row, err
	}
	owner, err := textOwner(tx, patient)
	if err != nil {
		return row, err
	}
	row.Document, err = owner.SealText(compressed, key.cardData(row.State))
	return row, tx.RecordError(err)
}

// CardTokenKey returns the key of the tokens in the QR codes of cards.
func (s Register) CardTokenKey(ctx context.Context) ([]byte, error) {
	var secret []byte
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		found, err := tx.SelectRow(&secret, `SELECT secret FROM card_token_key`)
		if err == nil && !found {
			err = tx.RecordError(errors.New("the key of the tokens of cards is missing"))
		}
		return err
	})
	return secret, err
}

// CurrentVersion returns the newest version of a notification that has been final, and its state.
func (s Register) CurrentVersion(
	ctx context.Context, number ident.NotificationNumber,
) (version int, state implants.State, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		var row struct {
			Version int    `db:"version"`
			State   string `db:"state"`
		}
		_, failure := tx.SelectRow(&row, `SELECT version, state FROM notification WHERE number = ? AND number <> ''
			ORDER BY version DESC LIMIT 1`, number.Digits())
		version, state = row.Version, implants.State(row.State)
		return failure
	})
	return version, state, err
}
