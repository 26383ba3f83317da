package auditlog

// Proof shows that a checkpoint covers a row without disclosing any other row: extending the previous checkpoint's head
// with the hashes of all rows in between gives the head of this one.
type Proof struct {
	Columns      [][]byte // columns of the row, in their hashed form
	PreviousHead Hash     // head of the previous checkpoint, or zero
	RowHashes    []Hash
	Checkpoint   Checkpoint
}

// IsValid reports whether the proof is correct. It does not check that the checkpoint's key is trusted.
func (p *Proof) IsValid() bool {
	row, head, found := HashRow(p.Columns...), p.PreviousHead, false
	for _, hash := range p.RowHashes {
		head, found = head.Next(hash), found || hash == row
	}
	return found && head == p.Checkpoint.Head && p.Checkpoint.hasValidSignature()
}
