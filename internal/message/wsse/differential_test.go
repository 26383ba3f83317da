package wsse_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	random "math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Environment variables of TestDifferential; `make differential` sets them.
const (
	differentialTime = "CTR_DIFFERENTIAL"      // duration, such as 30m; without it a small fixed number of shards
	differentialSeed = "CTR_DIFFERENTIAL_SEED" // first seed, as a failure prints it
)

const (
	poolSize      = 16   // signed messages per shard
	shardSize     = 1000 // mutants per shard
	smallBudget   = 3    // shards in an ordinary run
	mostShown     = 20   // failures printed in full
	secondOnEvery = 8    // one in this many refused messages is given to the second opinion
)

// shard is a pool of signed messages with what their signers signed. It is determined by its seed.
type shard struct {
	*cast
	seed      uint64
	mutations []mutation
	pool      []*original
	said      map[said]bool
}

// signerStatement is a statement with its signer, the signer's certificate, and the replay key.
type said struct {
	statement
	signer, certificate string
	key                 [sha256.Size]byte
}

// newShard signs messages. In every encoding, each must be accepted by our verifier and by the second opinion.
func newShard(c *cast, seed uint64) (*shard, error) {
	s := &shard{cast: c, seed: seed, mutations: mutations(), said: make(map[said]bool)}
	for i := range uint64(poolSize) {
		d := drawFrom(seed, i)
		o, err := c.makeOriginal(d)
		if err != nil {
			return nil, fmt.Errorf("seed %d, message %d: %w", seed, i, err)
		}
		if err = s.add(o, d); err != nil {
			return nil, fmt.Errorf("seed %d, message %d: %w\n%s", seed, i, err, o.text)
		}
	}
	return s, nil
}

func (s *shard) add(o *original, d draw) error {
	octets := encoded(d, o.text)
	v := s.lenient
	if o.strict {
		v = s.strict
	}
	verified, err := verifyOctets(v, octets)
	if err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	read, err := readSecond(octets)
	if err != nil {
		return err
	}
	parts := read.parts()
	if err = read.verify(parts.signature, o.signatory.Certificate); err != nil {
		return err
	}
	says, err := parts.states()
	if err != nil {
		return err
	}
	s.pool = append(s.pool, o)
	s.said[said{says, verified.Signer().String(), string(o.signatory.Certificate.Raw), verified.MessageKey()}] = true
	return parts.dispatches(verified)
}

// verifyOctets parses and verifies a message as the service does.
func verifyOctets(v *wsse.Verifier, octets []byte) (*wsse.Verified, error) {
	d, err := xmldoc.Parse(octets, xmldoc.DefaultLimits())
	if err != nil {
		return nil, err
	}
	envelope, err := soap.Open(d)
	if err != nil {
		return nil, err
	}
	return v.Verify(envelope)
}

// newMutant mutates a message of the pool, with another one as donor.
func (s *shard) mutantOf(d draw) (octets []byte, m *mutant, candidates []*x509.Certificate) {
	o, donor := pick(d, s.pool...), pick(d, s.pool...)
	m = &mutant{draw: d, text: o.text, donor: donor.text}
	m.mutate(s.mutations)
	octets = encoded(d, m.text)
	if d.chance(30) && len(octets) > 0 {
		octets[d.IntN(len(octets))] ^= 1 << d.IntN(8)
		m.done = append(m.done, "flip a bit of the encoded")
	}
	return octets, m, []*x509.Certificate{o.signatory.Certificate, donor.signatory.Certificate}
}

// outcome is the result of comparing the verifiers on one message.
type verdict struct {
	code      problem.Code // code of our refusal, or empty
	verified  *wsse.Verified
	asked     bool   // the second opinion was consulted
	agrees    bool   // the second opinion accepts
	exception string // why the second opinion needed help; see the list in docs/security.md
	failure   string // an unacceptable difference, or empty
}

// compareVerifiers verifies a message with our verifier and with the second opinion, and compares the results.
func (s *shard) judge(octets []byte, candidates []*x509.Certificate, ask bool) (v verdict) {
	defer func() {
		if r := recover(); r != nil {
			v.failure = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	verified, err := verifyOctets(s.lenient, octets)
	if err == nil {
		v.verified, v.asked = verified, true
		v.agrees = true
		v.exception, v.failure = s.disagreement(verified, octets)
		if ask && v.failure == "" {
			v.failure = s.strictly(octets)
		}
		return v
	}
	refusal, ok := errors.AsType[*problem.Error](err)
	if !ok || verified != nil || refusal.Kind == problem.Internal || refusal.Code == "" {
		v.failure = fmt.Sprintf("refused with %T %v", err, err)
		return v
	}
	if v.code = refusal.Code; !ask {
		return v
	}
	v.asked, v.agrees = true, seconded(octets, candidates)
	if v.agrees && v.code == problem.DigestMismatch {
		v.failure = "we see a digest that does not fit where the second opinion sees none"
	}
	return v
}

// checkStrict checks that strict operation accepts what we accept, or refuses it only for its unsigned token.
func (s *shard) strictly(octets []byte) string {
	if _, err := verifyOctets(s.strict, octets); err != nil && problem.From(err).Code != problem.TokenUnsigned {
		return "strict operation refuses with " + err.Error()
	}
	return ""
}

// nameException counts messages with a name that only the fifth edition of XML 1.0 allows.
const nameException = "encoding/xml does not know a name of the fifth edition: read under another name"

// checkAccepted returns what is wrong with having accepted a message, or "".
func (s *shard) disagreement(verified *wsse.Verified, octets []byte) (exception, failure string) {
	read, err := readSecond(octets)
	if err != nil {
		return "", "accepted, and not readable: " + err.Error()
	}
	if read.renamed {
		exception = nameException
	}
	return exception, s.compare(verified, read)
}

func (s *shard) compare(verified *wsse.Verified, read *second) string {
	parts := read.parts()
	says, err := parts.states()
	if err != nil {
		return err.Error()
	}
	certificate := verified.Certificate()
	if !s.said[said{says, verified.Signer().String(), string(certificate.Raw), verified.MessageKey()}] {
		return fmt.Sprintf("nobody signed this as %s:\n%s\n%s", verified.Signer(), says.body, says.timestamp)
	}
	if err = parts.dispatches(verified); err != nil {
		return err.Error()
	}
	created, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(allText(parts.timestamp.ChildElements()[0])))
	if err != nil || !created.Equal(verified.Created()) {
		return fmt.Sprintf("created %v, signed %v", verified.Created(), created)
	}
	if sum := sha256.Sum256([]byte(says.body)); sum != verified.Digest() {
		return "the digest for the receipt is another"
	}
	if err = read.verify(parts.signature, certificate); err != nil {
		return "we accept the signature, not so the " + err.Error()
	}
	return ""
}

// secondAccepts reports whether the second opinion accepts the signature with one of the candidate certificates. It
// does not check what the signature covers.
func seconded(octets []byte, candidates []*x509.Certificate) bool {
	read, err := readSecond(octets)
	if err != nil {
		return false
	}
	signature := read.parts().signature
	return slices.ContainsFunc(candidates, func(c *x509.Certificate) bool { return read.verify(signature, c) == nil })
}

// statistics counts the results of a run.
type tally struct {
	executions, originals int
	accepted              int
	refused               map[problem.Code]int
	asked, agreed         map[problem.Code]int // of the refused: second opinions, and those that accept
	failures              []string
	failed                int // all failures; only the first few are kept in failures
	exceptions, xmlsec    map[string]int
}

func newTally() *tally {
	return &tally{refused: make(map[problem.Code]int), asked: make(map[problem.Code]int), agreed: make(map[problem.Code]int),
		exceptions: make(map[string]int), xmlsec: make(map[string]int)}
}

func (t *tally) fail(text string) {
	if t.failed++; len(t.failures) < mostShown {
		t.failures = append(t.failures, text)
	}
}

func (t *tally) count(v *verdict) {
	t.executions++
	if v.exception != "" {
		t.exceptions[v.exception]++
	}
	switch {
	case v.verified != nil:
		t.accepted++
	case v.code != "":
		t.refused[v.code]++
		if v.asked {
			t.asked[v.code]++
		}
		if v.agrees {
			t.agreed[v.code]++
		}
	}
}

func (t *tally) add(other *tally) {
	t.executions += other.executions
	t.originals += other.originals
	t.accepted += other.accepted
	t.failed += other.failed
	t.failures = append(t.failures, other.failures[:min(len(other.failures), max(0, mostShown-len(t.failures)))]...)
	for _, maps := range [][2]map[problem.Code]int{{t.refused, other.refused}, {t.asked, other.asked}, {t.agreed, other.agreed}} {
		for code, n := range maps[1] {
			maps[0][code] += n
		}
	}
	for exception, n := range other.exceptions {
		t.exceptions[exception] += n
	}
	for answer, n := range other.xmlsec {
		t.xmlsec[answer] += n
	}
}

// String returns the report of a run.
func (t *tally) String() string {
	var b strings.Builder
	refused := 0
	for _, n := range t.refused {
		refused += n
	}
	fmt.Fprintf(&b, "%d executions on %d signed messages: %d accepted, %d refused; %d disagreements\n", t.executions, t.originals, t.accepted, refused, t.failed)
	fmt.Fprintf(&b, "%10s  %10s  %10s  code\n", "refused", "asked", "2nd accepts")
	codes := slices.SortedFunc(maps.Keys(t.refused), func(a, b problem.Code) int {
		return cmp.Or(cmp.Compare(t.refused[b], t.refused[a]), cmp.Compare(a, b))
	})
	for _, code := range codes {
		fmt.Fprintf(&b, "%10d  %10d  %10d  %s\n", t.refused[code], t.asked[code], t.agreed[code], code)
	}
	for _, exception := range slices.Sorted(maps.Keys(t.exceptions)) {
		fmt.Fprintf(&b, "exception: %d  %s\n", t.exceptions[exception], exception)
	}
	for _, answer := range slices.Sorted(maps.Keys(t.xmlsec)) {
		fmt.Fprintf(&b, "xmlsec1: %8d  %s\n", t.xmlsec[answer], answer)
	}
	return b.String()
}

// runMutants creates and compares the mutants of a shard.
func (s *shard) run(x *xmlsec) *tally {
	t := newTally()
	t.originals = len(s.pool)
	for i := range uint64(shardSize) {
		octets, m, candidates := s.mutantOf(drawFrom(s.seed, 1<<32+i))
		v := s.judge(octets, candidates, i%secondOnEvery == 0)
		t.count(&v)
		if x != nil && v.failure == "" {
			v.failure = x.compare(t, octets, &v, candidates, i)
		}
		if v.failure != "" {
			t.fail(fmt.Sprintf("%s=%d, execution %d (%s): %s\n%s", differentialSeed, s.seed, i, strings.Join(m.done, ", "), v.failure,
				base64.StdEncoding.EncodeToString(octets)))
		}
	}
	return t
}

// TestDifferential creates signed messages across the profile, mutates them, and compares our verifier with an
// independent one. The content of an accepted message, in the canonical form of independent code, must be byte by byte
// what the reported signer signed. A failure prints the seed that reproduces it and the message in base64.
func TestDifferential(t *testing.T) {
	seed, limit := uint64(2026), time.Duration(0)
	if text := os.Getenv(differentialTime); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv(differentialSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	c, x := newCast(t), newXmlsec(t)
	end := time.Now().Add(limit)
	var next atomic.Uint64
	more := func() (uint64, bool) {
		n := next.Add(1) - 1
		return seed + n, n < smallBudget || time.Now().Before(end)
	}
	total, mu := newTally(), sync.Mutex{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for from, ok := more(); ok; from, ok = more() {
				s, err := newShard(c, from)
				mu.Lock()
				if err != nil {
					total.fail(err.Error())
				}
				mu.Unlock()
				if err != nil {
					continue
				}
				part := s.run(x)
				mu.Lock()
				total.add(part)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%s=%d\n%s", differentialSeed, seed, total)
	for _, failure := range total.failures {
		t.Error(failure)
	}
	if total.accepted == 0 {
		t.Error("no mutant was accepted: the comparison compares nothing")
	}
}

// choiceTape is a random source that takes its choices from the fuzzer's bytes, and from a seed when they run out.
type tape struct {
	octets []byte
	rest   *random.PCG
}

// Uint64 repeats two bytes across the word, because Rand uses either the high or the low bits of it.
func (t *tape) Uint64() uint64 {
	if len(t.octets) < 2 {
		return t.rest.Uint64()
	}
	choice := uint64(t.octets[0])<<8 | uint64(t.octets[1])
	t.octets = t.octets[2:]
	return choice * 0x0001_0001_0001_0001
}

// FuzzDifferential is TestDifferential with mutations chosen by the fuzzer.
func FuzzDifferential(f *testing.F) {
	c := newCast(f)
	const pools = 32
	var shards sync.Map
	shardOf := func(seed uint64) (*shard, error) {
		if kept, ok := shards.Load(seed); ok {
			if s, ok := kept.(*shard); ok {
				return s, nil
			}
		}
		s, err := newShard(c, seed)
		if err == nil {
			shards.Store(seed, s)
		}
		return s, err
	}
	for seed := range uint64(4) {
		f.Add(seed, bytes.Repeat([]byte{byte(seed), byte(37 * seed)}, 12))
	}
	f.Fuzz(func(t *testing.T, seed uint64, ops []byte) {
		s, err := shardOf(seed % pools)
		if err != nil {
			t.Fatal(err)
		}
		octets, m, candidates := s.mutantOf(draw{random.New(&tape{ops, random.NewPCG(seed, 0)})})
		if v := s.judge(octets, candidates, true); v.failure != "" {
			t.Fatalf("%s: %s\n%s", strings.Join(m.done, ", "), v.failure, base64.StdEncoding.EncodeToString(octets))
		}
	})
}
