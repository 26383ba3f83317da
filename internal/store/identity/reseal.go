package identity

// A rotation shuts a former key out of the texts to come. To shut it out of the texts that are there, they are sealed
// anew. The register's tables are append-only: their triggers accept an UPDATE of sealed columns, and of no other
// column, in a transaction that has a row in the table resealing, and no transaction commits one.

// Reseal seals a text about the person with the newest data key. It returns nil when that key sealed it already.
func (p *Pseudonym) Reseal(sealed []byte, associatedData ...any) ([]byte, error) {
	text, epoch, err := p.openWithEpoch(sealed, associatedData...)
	if err != nil || epoch == 0 {
		return nil, err
	}
	return p.SealText(text, associatedData...)
}

// AllowResealing runs f, in which sealed columns of append-only tables may change.
func (tx *Tx) AllowResealing(f func() error) error {
	if _, err := tx.ExecStatement(`INSERT INTO resealing (id) VALUES (1)`); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	_, err := tx.ExecStatement(`DELETE FROM resealing`)
	return err
}
