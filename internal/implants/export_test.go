package implants

// Digest exports the content digest for tests.
func (n *Implantation) Digest() [32]byte { return n.ContentDigest(Final) }

// Digest exports the content digest for tests.
func (n *Explantation) Digest() [32]byte { return n.ContentDigest(Final) }
