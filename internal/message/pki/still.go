package pki

// Offline returns a TrustStore that gives the same results as this one does now, without side effects: it caches
// nothing and triggers no request to an authority. It is for inspecting messages that are not processed.
func (t *Trust) Still() *Trust {
	offline := &Trust{authorities: t.authorities, roots: t.roots, between: t.between, accepted: newLRU(0)}
	offline.revoked.Store(t.revoked.Load())
	if t.status != nil {
		offline.status = &Revocation{o: RevocationOptions{Policy: t.status.o.Policy}, knows: t.status}
	}
	return offline
}

// lookUpStatus returns the known status of a certificate, without side effects.
func (r *Revocation) look(id certificateID) answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.known[id]; ok {
		return c.answer
	}
	return answer{}
}
