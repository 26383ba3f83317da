package trail

// Proof shows that a checkpoint covers a row without disclosing any other row: extending the previous checkpoint's head
// with the hashes of all rows in between gives the head of this one.
type Proof struct {
	Columns    [][]byte // columns of the row, in their hashed form
	Before     Hash     // head of the previous checkpoint, or zero
	Rows       []Hash
	Checkpoint Checkpoint
}

// IsValid reports whether the proof is correct. It does not check that the checkpoint's key is trusted.
func (p *Proof) Holds() bool {
	row, head, found := HashRow(p.Columns...), p.Before, false
	for _, hash := range p.Rows {
		head, found = head.Next(hash), found || hash == row
	}
	return found && head == p.Checkpoint.Head && p.Checkpoint.isSigned()
}
