package trail

// Proof shows that a checkpoint covers a row, without showing any other row: from the head of the checkpoint before, over
// the hashes of all rows between, one comes to the head of this one.
type Proof struct {
	Columns    [][]byte // of the row, as they are hashed
	Before     Hash     // head of the checkpoint before, or zero
	Rows       []Hash
	Checkpoint Checkpoint
}

// Holds reports whether it shows that. Whose the checkpoint is, is another question.
func (p *Proof) Holds() bool {
	row, head, there := HashRow(p.Columns...), p.Before, false
	for _, hash := range p.Rows {
		head, there = head.Next(hash), there || hash == row
	}
	return there && head == p.Checkpoint.Head && p.Checkpoint.isSigned()
}
