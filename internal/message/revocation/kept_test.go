package revocation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// keepKnowledge lets one process learn, from a list and from a responder, that certificates are revoked or good, and
// returns its directory and the certificates in the order of wantKept.
func keepKnowledge(t *testing.T, root, issuing testCA, issuers []*x509.Certificate) (directory string, certificates []*x509.Certificate) {
	t.Helper()
	directory = t.TempDir()
	lists, responder := newRevocationServer(t), newRevocationServer(t)
	onList, cleared := issuing.issueSigner(t, "", lists.URL), issuing.issueSigner(t, "", lists.URL)
	revoked, good := issuing.issueSigner(t, responder.URL, ""), issuing.issueSigner(t, responder.URL, "")
	lists.setReply(issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derURI(lists.URL))}, onList))
	responder.answerOCSP(t, issuing, func(q *ocsp.Request) ocsp.Response {
		if q.SerialNumber.Cmp(revoked.SerialNumber) == 0 {
			return ocsp.Response{Status: ocsp.Revoked, RevokedAt: testpki.Now()}
		}
		return ocsp.Response{}
	})
	trusted := []testCA{root}
	if issuers == nil {
		trusted = []testCA{issuing}
	}
	s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicySoftFail, Directory: directory}, trusted, nil)
	certificates = []*x509.Certificate{onList, cleared, revoked, good}
	for _, c := range certificates {
		_ = s.VerifyWithIssuers(issuers, c, s.clock.now())
	}
	waitSeveralSweeps()
	lists.Close()
	responder.Close()
	return directory, certificates
}

// restart returns what a new process, to which no authority answers, knows of the certificates.
func restart(t *testing.T, o revocation.StatusCheckerOptions, trusted []testCA, issuers, certificates []*x509.Certificate, before func(*revocation.StatusChecker)) (codes []problem.Code, log string) {
	t.Helper()
	s := startChecker(t, o, trusted, func(r *revocation.StatusChecker) {
		if before != nil {
			before(r)
		}
		r.LoadKept(t.Context())
	})
	for _, c := range certificates {
		codes = append(codes, testpki.Code(s.VerifyWithIssuers(issuers, c, s.clock.now())))
	}
	waitSeveralSweeps()
	return codes, s.log.String()
}

func listDirectory(t *testing.T, directory string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestFindingM4KnowledgeSurvivesARestart: lists and responses are kept on disk and verified again. What was changed there,
// or is older than what is known, is ignored with a line in the log.
func TestFindingM4KnowledgeSurvivesARestart(t *testing.T) {
	t.Parallel()
	const unknown, revoked = x509id.CertRevocationUnknown, x509id.CertRevoked
	nothing := []problem.Code{unknown, unknown, unknown, unknown}
	everything := []problem.Code{revoked, "", revoked, ""}
	each := func(change func(content []byte) []byte) func(t *testing.T, directory string) {
		return func(t *testing.T, directory string) {
			t.Helper()
			for _, name := range listDirectory(t, directory) {
				file := filepath.Join(directory, name)
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err = os.WriteFile(file, change(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, directory string)
		want   []problem.Code
		says   string
	}{
		"untouched":    {nil, everything, ""},
		"empty files":  {each(func([]byte) []byte { return nil }), nothing, "it is damaged"},
		"cut in half":  {each(func(content []byte) []byte { return content[:len(content)/2] }), nothing, "kept revocation file ignored"},
		"one bit less": {each(flipSignature), nothing, "UNTRUSTED"},
		"only the certificate": {each(func(content []byte) []byte {
			return content[:bytes.Index(content, []byte("-----END CERTIFICATE"))+len("-----END CERTIFICATE-----\n")]
		}), nothing, "it is damaged"},
		"exchanged": {func(t *testing.T, directory string) {
			t.Helper()
			names := listDirectory(t, directory) // a list, and two responses
			if err := os.Rename(filepath.Join(directory, names[0]), filepath.Join(directory, names[1])); err != nil {
				t.Fatal(err)
			}
		}, nil, "it is damaged"},
		"a link": {func(t *testing.T, directory string) {
			t.Helper()
			for i, name := range listDirectory(t, directory) {
				elsewhere := filepath.Join(t.TempDir(), fmt.Sprint(i))
				if err := os.Rename(filepath.Join(directory, name), elsewhere); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(elsewhere, filepath.Join(directory, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, nothing, "it is no regular file"},
		"something large": {each(func([]byte) []byte { return make([]byte, 20<<20) }), nothing, "it is too large"},
		"others' files": {func(t *testing.T, directory string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(directory, "README"), []byte("not ours"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, everything, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				root, issuing := newCAChain(t, "CTR test", newP384Key)
				directory, certificates := keepKnowledge(t, root, issuing, nil)
				for _, file := range listDirectory(t, directory) {
					if info, err := os.Stat(filepath.Join(directory, file)); err != nil || info.Mode() != 0o600 {
						t.Errorf("%s: %v, %v", file, info.Mode(), err)
					}
				}
				if tt.change != nil {
					tt.change(t, directory)
				}
				o := revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Directory: directory}
				got, log := restart(t, o, []testCA{issuing}, nil, certificates, nil)
				if tt.want != nil && !slices.Equal(got, tt.want) {
					t.Errorf("%q, want %q; log %s", got, tt.want, log)
				}
				if !strings.Contains(log, tt.says) || tt.says == "" && strings.Contains(log, "kept revocation") {
					t.Errorf("the log says %s", log)
				}
			})
		})
	}
	t.Run("older than the operator's list", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			root, issuing := newCAChain(t, "CTR test", newP384Key)
			there := newRevocationServer(t)
			there.setReply(issuing.signCRL(t, x509.RevocationList{Number: big.NewInt(1)}))
			directory := t.TempDir()
			o := revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Directory: directory}
			c := issuing.issueSigner(t, "", there.URL)
			first := startChecker(t, o, []testCA{issuing}, nil)
			first.waitForCode(t, c, "")
			there.Close()
			codes, log := restart(t, o, []testCA{root, issuing}, nil, []*x509.Certificate{c}, func(r *revocation.StatusChecker) {
				if err := r.AddCRL(issuing.signCRL(t, x509.RevocationList{Number: big.NewInt(2)}, c)); err != nil {
					t.Fatal(err)
				}
			})
			if codes[0] != revoked || !strings.Contains(log, "it is older than what is known") {
				t.Errorf("%q; log %s", codes, log)
			}
		})
	})
	t.Run("of an authority in a message", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			root, issuing := newCAChain(t, "CTR test", newP384Key)
			issuers := []*x509.Certificate{issuing.certificate}
			directory, certificates := keepKnowledge(t, root, issuing, issuers)
			o := revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Directory: directory}
			ofRoot := func(r *revocation.StatusChecker) {
				if err := r.AddCRL(root.signCRL(t, x509.RevocationList{})); err != nil {
					t.Fatal(err)
				}
			}
			if got, log := restart(t, o, []testCA{root}, issuers, certificates, ofRoot); !slices.Equal(got, everything) {
				t.Errorf("%q; log %s", got, log)
			}
			other, _ := newCAChain(t, "another", newP384Key)
			if _, log := restart(t, o, []testCA{other}, nil, nil, nil); strings.Count(log, "kept revocation file ignored") != 3 {
				t.Errorf("of an authority that is not trusted any more: %s", log)
			}
		})
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			root, issuing := newCAChain(t, "CTR test", newP384Key)
			directory, certificates := keepKnowledge(t, root, issuing, nil)
			o := revocation.StatusCheckerOptions{Policy: revocation.PolicyOff, Directory: directory}
			if got, _ := restart(t, o, []testCA{issuing}, nil, certificates, nil); !slices.Equal(got, []problem.Code{"", "", "", ""}) {
				t.Errorf("%q", got)
			}
		})
	})
}

// flipSignature changes a bit of the last bytes of a PEM block, which belong to the signature or to the certificate of a
// responder.
func flipSignature(content []byte) []byte {
	end := bytes.LastIndex(content, []byte("\n-----END"))
	changed := bytes.Clone(content)
	for i := end - 8; i < end; i++ {
		if changed[i] != '=' && changed[i] != '\n' {
			if changed[i]++; changed[i] == 'Z'+1 || changed[i] == 'z'+1 || changed[i] == '9'+1 || changed[i] == '+'+1 {
				changed[i] = 'A'
			}
			break
		}
	}
	return changed
}

// TestKeptFilesAreBounded: files of certificates that left the memory, that have expired, or that are too many, go.
func TestKeptFilesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		root, issuing := newCAChain(t, "CTR test", newP384Key)
		responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response { return ocsp.Response{} })
		directory := t.TempDir()
		o := revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Directory: directory, Capacity: 4}
		s := startChecker(t, o, []testCA{issuing}, nil)
		ends := func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testpki.Date(2020, 1, 1), testpki.Now().Add(time.Hour)
		}
		for range 12 {
			s.waitForCode(t, issuing.issueSigner(t, responder.URL, "", ends), "")
		}
		waitSeveralSweeps()
		if n := len(listDirectory(t, directory)); n != 4 {
			t.Errorf("%d files beside 4 places", n)
		}
		o.Capacity = 2
		_, log := restart(t, o, []testCA{root, issuing}, nil, nil, nil)
		if n := len(listDirectory(t, directory)); n != 2 || strings.Count(log, "there are more than 2") != 2 {
			t.Errorf("%d files beside 2 places; %s", n, log)
		}
		s.clock.advance(2 * time.Hour)
		waitSeveralSweeps()
		if n := len(listDirectory(t, directory)); n != 0 {
			t.Errorf("%d files after all have expired", n)
		}
	})
}

// TestFindingM4ListsBeforeListening: the lists of the authorities, given ones and learned ones, are there before the
// first message, and an authority that does not answer delays the start for as long as the caller allows only.
func TestFindingM4ListsBeforeListening(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ofRoot, ofIssuing, hanging := newRevocationServer(t), newRevocationServer(t), newRevocationServer(t)
		hanging.setHandler(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		root, issuing := newCAChain(t, "CTR test", newP384Key, ofRoot.URL)
		ofRoot.setReply(root.signCRL(t, x509.RevocationList{}))
		c := issuing.issueSigner(t, "", ofIssuing.URL)
		ofIssuing.setReply(issuing.signCRL(t, x509.RevocationList{Number: big.NewInt(1)}))
		directory := t.TempDir()
		start := func(before func(*revocation.StatusChecker)) *runningChecker {
			return startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Directory: directory}, []testCA{root, issuing}, func(r *revocation.StatusChecker) {
				if before != nil {
					before(r)
				}
				r.LoadKept(t.Context())
			})
		}
		wait := func(s *runningChecker) (int, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			began := time.Now()
			return s.AwaitLists(ctx), time.Since(began)
		}
		first := start(nil)
		if missing, _ := wait(first); missing != 0 || ofRoot.requestCount.Load() != 1 {
			t.Errorf("%d missing", missing)
		}
		first.waitForCode(t, c, "") // which teaches it the address of the list
		ofIssuing.setReply(issuing.signCRL(t, x509.RevocationList{Number: big.NewInt(2)}, c))
		second := start(nil)
		if missing, _ := wait(second); missing != 0 {
			t.Errorf("%d missing", missing)
		}
		if got := second.verifyNow(c); got != x509id.CertRevoked {
			t.Errorf("the first message after the restart: %q", got)
		}
		third := start(func(r *revocation.StatusChecker) {
			if err := r.AddCRLURL(hanging.URL); err != nil {
				t.Error(err)
			}
		})
		if missing, took := wait(third); missing != 1 || took != 5*time.Second {
			t.Errorf("%d missing after %v", missing, took)
		}
	})
}

// TestFindingL11ListsOfOneAuthority: an authority that names more addresses than its share is told in the log and
// counted, and takes no place of another.
func TestFindingL11ListsOfOneAuthority(t *testing.T) {
	t.Parallel()
	for _, inMessage := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			there := newRevocationServer(t)
			there.setHandler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
			root, greedy := newCAChain(t, "greedy", newP384Key)
			_, modest := newCAChain(t, "modest", newP384Key)
			trusted, issuers := []testCA{greedy, modest}, []*x509.Certificate(nil)
			if inMessage {
				trusted, issuers = []testCA{root, modest}, []*x509.Certificate{greedy.certificate}
			}
			counted := map[string]int{}
			s := startChecker(t, revocation.StatusCheckerOptions{
				Policy: revocation.PolicySoftFail, OnSkippedLists: func(name string, n int) { counted[name] += n },
			}, trusted, nil)
			for n := range revocation.MaxCRLs + 5 {
				c := greedy.issueSigner(t, "", fmt.Sprintf("%s/%d.crl", there.URL, n))
				for range 3 { // each certificate counts once
					if err := s.VerifyWithIssuers(issuers, c, s.clock.now()); err != nil {
						t.Fatal(err)
					}
				}
			}
			waitSeveralSweeps()
			if n := there.requestCount.Load(); n != revocation.MaxCRLs {
				t.Errorf("%d lists fetched", n)
			}
			name := trusted[0].certificate.Subject.String()
			if counted[name] != 5 || len(counted) != 1 || !strings.Contains(s.log.String(), name) || !strings.Contains(s.log.String(), "addresses=5") {
				t.Errorf("counted %v; log %s", counted, s.log.String())
			}
			other := newRevocationServer(t)
			revoked := modest.issueSigner(t, "", other.URL)
			other.setReply(modest.signCRL(t, x509.RevocationList{}, revoked))
			s.waitForCode(t, revoked, x509id.CertRevoked)
			if err := s.AddCRLURL(other.URL + "/given"); err != nil {
				t.Error(err)
			}
			waitSeveralSweeps()
			if n := other.requestCount.Load(); n != 2 {
				t.Errorf("the operator's address: %d", n)
			}
		})
	}
}
