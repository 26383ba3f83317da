package issuer

import (
	"context"

	"github.com/openctr/ctr/internal/implants"
)

// Watch returns a store that tells the issuer of each final version after its commit, so that its card is signed in the
// background. The transaction itself does no more than it did.
func (i *Issuer) Watch(s implants.Store) implants.Store {
	if i.Key == nil {
		return s
	}
	return watchedStore{s, i.registered}
}

type watchedStore struct {
	implants.Store

	registered chan<- version
}

// RunWriteTx implements implants.Store.
func (s watchedStore) RunWriteTx(ctx context.Context, f func(implants.Writer) error) error {
	var final []version
	err := s.Store.RunWriteTx(ctx, func(w implants.Writer) error {
		final = final[:0]
		return f(watchedWriter{w, &final})
	})
	if err != nil {
		return err
	}
	for _, v := range final {
		select {
		case s.registered <- v:
		default: // signed when it is first asked for
		}
	}
	return nil
}

type watchedWriter struct {
	implants.Writer

	final *[]version
}

// AppendVersion implements implants.Writer.
func (w watchedWriter) AppendVersion(n implants.Notification) error {
	if n.State == implants.Final {
		*w.final = append(*w.final, version{n.Reference, n.Version})
	}
	return w.Writer.AppendVersion(n)
}
