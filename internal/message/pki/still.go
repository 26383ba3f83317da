package pki

// Offline returns a TrustStore that gives the same results as this one does now, without side effects: it caches
// nothing and triggers no request to an authority. It is for inspecting messages that are not processed.
func (t *TrustStore) Offline() *TrustStore {
	offline := &TrustStore{authorities: t.authorities, anchorPool: t.anchorPool, intermediatePool: t.intermediatePool, verifiedPaths: newPathCache(0)}
	offline.crls.Store(t.crls.Load())
	if t.statusChecker != nil {
		offline.statusChecker = &StatusChecker{options: StatusCheckerOptions{Policy: t.statusChecker.options.Policy}, delegate: t.statusChecker}
	}
	return offline
}

// lookUpStatus returns the known status of a certificate, without side effects.
func (r *StatusChecker) lookUpStatus(id certificateID) certificateStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.certificates[id]; ok {
		return c.status
	}
	return certificateStatus{}
}
