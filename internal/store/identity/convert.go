package identity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Converter converts the columns of rows to values and records the first error. Rows hold the columns as stored, and
// the conversions reject values that this program cannot have written. It collects the pseudonyms that the transaction
// has not loaded yet, so that the rows can be converted again once they are loaded.
type Converter struct {
	tx       *Tx
	missing  map[int64]bool // pseudonym ids, true when the cache may hold them
	asStored bool           // shows the numbers that the rows were stored with, not the newest
	err      error
}

// RecordError records an error, unless it is nil or there is an earlier one.
func (c *Converter) RecordError(err error) {
	if c.err == nil {
		c.err = err
	}
}

func parseColumn[T any](c *Converter, parse func(string) (T, error), text string) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	c.RecordError(err)
	return value
}

// ParseNIHII converts a column. An empty column is the zero value, here and in the next four methods.
func (c *Converter) ParseNIHII(text string) ident.NIHII {
	return parseColumn(c, ident.ParseNIHII, text)
}

// ParseCBE converts a column.
func (c *Converter) ParseCBE(text string) ident.CBE { return parseColumn(c, ident.ParseCBE, text) }

// ParseDate converts a column.
func (c *Converter) ParseDate(text string) ident.Date { return parseColumn(c, ident.ParseDate, text) }

// ParseCode converts a column.
func (c *Converter) ParseCode(text string) ident.NotificationCode {
	return parseColumn(c, ident.ParseNotificationCode, text)
}

// ParseNumber converts a column.
func (c *Converter) ParseNumber(text string) ident.NotificationNumber {
	return parseColumn(c, ident.ParseNotificationNumber, text)
}

// ParseDigest converts a column.
func (c *Converter) ParseDigest(column []byte) [32]byte {
	var digest [32]byte
	if copy(digest[:], column) != len(column) {
		c.RecordError(fmt.Errorf("digest of %d bytes", len(column)))
	}
	return digest
}

// IsSealed reports whether a row that gives rights is as this program wrote it.
func (c *Converter) IsSealed(row SealedRow) bool { return c.tx.IsSealed(row) }

// SSIN returns a person's newest SSIN.
func (c *Converter) SSIN(id int64) ident.SSIN { return c.resolveSSIN(id, false) }

// CacheableSSIN returns the newest SSIN of a person whom the cache may hold.
func (c *Converter) CacheableSSIN(id int64) ident.SSIN { return c.resolveSSIN(id, true) }

func (c *Converter) resolveSSIN(id int64, remember bool) ident.SSIN {
	pseudonym := c.resolvePseudonym(id, remember)
	switch {
	case pseudonym != nil && c.asStored:
		return pseudonym.SSIN
	case pseudonym != nil:
		return pseudonym.CurrentSSIN
	}
	return ident.SSIN{}
}

// resolvePseudonym returns nil when id is 0, and as long as the pseudonym is not loaded.
func (c *Converter) resolvePseudonym(id int64, remember bool) *Pseudonym {
	if id == 0 {
		return nil
	}
	pseudonym := c.tx.KnownPseudonym(id)
	if pseudonym == nil {
		if c.missing == nil {
			c.missing = make(map[int64]bool)
		}
		c.missing[id] = remember
	}
	return pseudonym
}

// OpenText opens a sealed text about a person. Id 0 stands for texts without a person.
func (c *Converter) OpenText(id int64, sealed []byte, associatedData ...any) string {
	if len(sealed) == 0 {
		return ""
	}
	pseudonym := c.resolvePseudonym(id, false)
	if id == 0 {
		var err error
		pseudonym, err = c.tx.TextPseudonym()
		c.RecordError(err)
	}
	if pseudonym == nil {
		return ""
	}
	text, err := pseudonym.openText(sealed, associatedData...)
	c.RecordError(err)
	return text
}

// ParseSigner converts a signer column to the signer with the SSIN of their certificate.
func (c *Converter) ParseSigner(column string) string {
	id, rest, personal := strings.Cut(strings.TrimPrefix(column, pseudonymSignerPrefix), ",")
	if !strings.HasPrefix(column, pseudonymSignerPrefix) {
		return column
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		c.RecordError(err)
		return ""
	}
	pseudonym := c.resolvePseudonym(number, false)
	if pseudonym == nil {
		return ""
	}
	if personal {
		rest = "," + rest
	}
	return ssinSignerPrefix + pseudonym.SSIN.Digits() + rest
}

// wrapError returns the first error as INTERNAL_ERROR: an invalid row is a bug, whichever code the parser gave it.
func (c *Converter) wrapError(table string) error {
	if c.err == nil {
		return nil
	}
	return problem.Wrap(problem.InternalError, fmt.Errorf("row of %s: %w", table, c.err))
}

// ConvertRows converts rows, and returns the first error. It leaves out rows that give rights and are not as this
// program wrote them.
func ConvertRows[R, T any](tx *Tx, rows []R, table string, convert func(R, *Converter) T) ([]T, error) {
	rows = keepSealed(tx, rows)
	if len(rows) == 0 {
		return nil, nil
	}
	values := make([]T, len(rows))
	err := tx.runConversion(table, func(c *Converter) {
		for i, row := range rows {
			values[i] = convert(row, c)
		}
	})
	return values, err
}

// ConvertStored converts rows by a function that calls the Converter. The persons have the numbers that the rows were
// stored with, which an import of a newer number does not change.
func (tx *Tx) ConvertStored(table string, convert func(*Converter)) error {
	return tx.runConversion(table, func(c *Converter) {
		c.asStored = true
		convert(c)
	})
}

// runConversion runs a conversion, and again when it needed pseudonyms that were not loaded.
func (tx *Tx) runConversion(table string, convert func(*Converter)) error {
	c := &Converter{tx: tx}
	convert(c)
	if c.missing != nil {
		if err := tx.loadPseudonyms(c.missing); err != nil {
			return err
		}
		c = &Converter{tx: tx}
		convert(c)
		if c.missing != nil {
			c.RecordError(errors.New("it names a subject that is missing"))
		}
	}
	return c.wrapError(table)
}
