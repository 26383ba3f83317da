package pki

// Still returns a Trust that judges as this one does now, and leaves no trace: it keeps no answer, and no authority is
// asked about a certificate because of it. It is for looking at messages that are not acted upon.
func (t *Trust) Still() *Trust {
	still := &Trust{authorities: t.authorities, roots: t.roots, between: t.between, accepted: newLRU(0)}
	still.revoked.Store(t.revoked.Load())
	if t.status != nil {
		still.status = &Revocation{o: RevocationOptions{Policy: t.status.o.Policy}, knows: t.status}
	}
	return still
}

// look gives what was answered about a certificate.
func (r *Revocation) look(id certificateID) answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.known[id]; ok {
		return c.answer
	}
	return answer{}
}
