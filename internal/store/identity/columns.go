package identity

import "github.com/openctr/ctr/internal/platform/ident"

// ColumnWriter converts values to columns and records the first error; it is the reverse of Converter.
type ColumnWriter struct {
	tx  *Tx
	err error
}

// NewColumnWriter returns a ColumnWriter for rows of a transaction.
func (tx *Tx) NewColumnWriter() *ColumnWriter { return &ColumnWriter{tx: tx} }

// Err returns the first error.
func (c *ColumnWriter) Err() error { return c.err }

func (c *ColumnWriter) recordError(err error) {
	if c.err == nil {
		c.err = err
	}
}

// ProfessionalID is the pseudonym id of a professional, or 0 for none.
func (c *ColumnWriter) ProfessionalID(ssin ident.SSIN) int64 {
	id, err := c.tx.ProfessionalID(ssin)
	c.recordError(err)
	return id
}

// CallerID is the pseudonym id of a person who acts, or 0 for none.
func (c *ColumnWriter) CallerID(ssin ident.SSIN) int64 {
	id, err := c.tx.optionalID(Caller, ssin)
	c.recordError(err)
	return id
}

// Signer is the column of a signer.
func (c *ColumnWriter) Signer(signer string) string {
	column, err := c.tx.SignerColumn(Caller, signer)
	c.recordError(err)
	return column
}

// SealText seals a text about a person, who may be nil when the text is empty.
func (c *ColumnWriter) SealText(p *Pseudonym, text string, associatedData ...any) []byte {
	sealed, err := p.SealText(text, associatedData...)
	if err != nil {
		c.recordError(c.tx.RecordError(err))
	}
	return sealed
}
