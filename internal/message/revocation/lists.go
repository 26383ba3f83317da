package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"log/slog"

	"github.com/openctr/ctr/internal/problem"
)

// crlQuota counts the addresses of lists that the certificates below one authority name. Each authority of the
// TrustStore has its own share, so that none can use up that of another.
type crlQuota struct {
	authority string // its name, for the log
	used      int
	skipped   int // addresses that were named after the share was used up
	reported  int // of the skipped ones
}

// findQuota returns the quota of an authority, or, for nil, that of the addresses that the operator gave.
func (r *StatusChecker) findQuota(owner *x509.Certificate) *crlQuota {
	id, name := authorityID{}, ""
	if owner != nil {
		id, name = newAuthorityID(owner), owner.Subject.String()
	}
	quota, ok := r.crlQuotas[id]
	if !ok {
		quota = &crlQuota{authority: name}
		r.crlQuotas[id] = quota
	}
	return quota
}

// scheduleCRLs fetches the CRLs at the given URLs periodically, from now on. The issuer is the authority whose
// certificates contain the URLs, and the owner the authority of the TrustStore whose share they use; both may be nil.
// The caller holds r.mu.
func (r *StatusChecker) scheduleCRLs(addresses []string, issuer, owner *x509.Certificate) {
	for _, address := range addresses {
		if r.crlTasks[address] != nil {
			continue
		}
		quota := r.findQuota(owner)
		if quota.used >= MaxCRLs {
			quota.skipped++
			continue
		}
		quota.used++
		var last [sha256.Size]byte
		var holds updatePeriod
		e := &fetchTask{
			urls:     []string{address},
			maxBytes: MaxCRLBytes,
			acceptResponse: func(data []byte) (updatePeriod, error) {
				sum := sha256.Sum256(data)
				if sum == last { // parsing a large list again costs more than everything else
					return holds, nil
				}
				accepted, err := r.addCRLOfIssuer(data, issuer, owner)
				if err != nil {
					return updatePeriod{}, err
				}
				last, holds = sum, accepted.period
				if accepted.isNew {
					r.keepList(accepted, address, data)
				}
				return holds, nil
			},
		}
		r.crlTasks[address] = e
		r.enqueueTask(e)
	}
}

// reportSkippedLists says how many addresses of lists are not fetched, once for each authority and sweep.
func (r *StatusChecker) reportSkippedLists(ctx context.Context) {
	type skipped struct {
		authority  string
		new, total int
	}
	var all []skipped
	r.mu.Lock()
	for _, quota := range r.crlQuotas {
		if quota.skipped > quota.reported {
			all = append(all, skipped{quota.authority, quota.skipped - quota.reported, quota.skipped})
			quota.reported = quota.skipped
		}
	}
	r.mu.Unlock()
	for _, s := range all {
		r.options.Log.WarnContext(
			ctx, "revocation lists not fetched, because an authority names too many addresses",
			slog.String("authority", s.authority), slog.Int("limit", MaxCRLs), slog.Int("addresses", s.total),
		)
		if r.options.OnSkippedLists != nil {
			r.options.OnSkippedLists(s.authority, s.new)
		}
	}
}

// AddCRLURL also fetches the CRL at the given URL, as soon as Run starts. It is for CRLs that no certificate names, and
// for those that must be present before the first request.
func (r *StatusChecker) AddCRLURL(address string) error {
	addresses := filterHTTPURLs([]string{address})
	if len(addresses) == 0 {
		return problem.New(CRLAddress)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scheduleCRLs(addresses, nil, nil)
	return nil
}

// AwaitLists waits until every list whose address is known has been asked for once, and returns how many have not when
// ctx ends. A service calls it before it listens, while Run runs.
func (r *StatusChecker) AwaitLists(ctx context.Context) (missing int) {
	if r.options.Policy != PolicyOff {
		r.scheduleAuthorityCRLs()
	}
	for {
		missing, learned := r.countMissingLists()
		if missing == 0 {
			return 0
		}
		select {
		case <-learned:
		case <-ctx.Done():
			return missing
		}
	}
}

// countMissingLists returns how many lists have not been asked for yet, and a channel that tells when to count again.
func (r *StatusChecker) countMissingLists() (missing int, learned <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, task := range r.crlTasks {
		if !task.hasRun {
			missing++
		}
	}
	return missing, r.learned
}

// scheduleAuthorityCRLs fetches the CRLs that would list the authorities themselves.
func (r *StatusChecker) scheduleAuthorityCRLs() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.authorities {
		r.scheduleCRLs(filterHTTPURLs(c.CRLDistributionPoints), nil, c)
	}
}
