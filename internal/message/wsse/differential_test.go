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

	"github.com/openctr/ctr/internal/message/dsig"
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
	poolSize              = 16   // signed messages per shard
	shardSize             = 1000 // mutants per shard
	defaultShards         = 3    // shards in an ordinary run
	maxShownFailures      = 20   // failures printed in full
	secondOpinionInterval = 8    // one in this many refused messages is given to the second opinion
)

// shard is a pool of signed messages with what their signers signed. It is determined by its seed.
type shard struct {
	*signerPool
	seed       uint64
	mutations  []mutation
	pool       []*signedMessage
	statements map[signerStatement]bool
}

// signerStatement is a statement with its signer, the signer's certificate, and the replay key.
type signerStatement struct {
	signedStatement
	signer, certificate string
	key                 [sha256.Size]byte
}

// newShard signs messages. In every encoding, each must be accepted by our verifier and by the second opinion.
func newShard(c *signerPool, seed uint64) (*shard, error) {
	s := &shard{signerPool: c, seed: seed, mutations: mutations(), statements: make(map[signerStatement]bool)}
	for i := range uint64(poolSize) {
		d := newDraw(seed, i)
		o, err := c.newSignedMessage(d)
		if err != nil {
			return nil, fmt.Errorf("seed %d, message %d: %w", seed, i, err)
		}
		if err = s.addMessage(o, d); err != nil {
			return nil, fmt.Errorf("seed %d, message %d: %w\n%s", seed, i, err, o.text)
		}
	}
	return s, nil
}

func (s *shard) addMessage(o *signedMessage, d draw) error {
	octets := encodeMessage(d, o.text)
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
	parts := read.findParts()
	if err = read.verifySignature(parts.signature, o.signer.Certificate); err != nil {
		return err
	}
	says, err := parts.readStatement()
	if err != nil {
		return err
	}
	s.pool = append(s.pool, o)
	s.statements[signerStatement{says, verified.Signer().String(), string(o.signer.Certificate.Raw), verified.ReplayKey()}] = true
	return parts.checkDispatched(verified)
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
func (s *shard) newMutant(d draw) (octets []byte, m *mutant, candidates []*x509.Certificate) {
	o, donor := pickFrom(d, s.pool...), pickFrom(d, s.pool...)
	m = &mutant{draw: d, text: o.text, donor: donor.text}
	m.mutate(s.mutations)
	octets = encodeMessage(d, m.text)
	if d.oneIn(30) && len(octets) > 0 {
		octets[d.IntN(len(octets))] ^= 1 << d.IntN(8)
		m.applied = append(m.applied, "flip a bit of the encoded")
	}
	return octets, m, []*x509.Certificate{o.signer.Certificate, donor.signer.Certificate}
}

// outcome is the result of comparing the verifiers on one message.
type outcome struct {
	code         problem.Code // code of our refusal, or empty
	verified     *wsse.Verified
	askedSecond  bool   // the second opinion was consulted
	secondAgrees bool   // the second opinion accepts
	exception    string // why the second opinion needed help; see the list in docs/security.md
	failure      string // an unacceptable difference, or empty
}

// compareVerifiers verifies a message with our verifier and with the second opinion, and compares the results.
func (s *shard) compareVerifiers(octets []byte, candidates []*x509.Certificate, ask bool) (v outcome) {
	defer func() {
		if r := recover(); r != nil {
			v.failure = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	verified, err := verifyOctets(s.lenient, octets)
	if err == nil {
		v.verified, v.askedSecond = verified, true
		v.secondAgrees = true
		v.exception, v.failure = s.checkAccepted(verified, octets)
		if ask && v.failure == "" {
			v.failure = s.checkStrict(octets)
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
	v.askedSecond, v.secondAgrees = true, secondAccepts(octets, candidates)
	if v.secondAgrees && v.code == dsig.DigestMismatch {
		v.failure = "we see a digest that does not fit where the second opinion sees none"
	}
	return v
}

// checkStrict checks that strict operation accepts what we accept, or refuses it only for its unsigned token.
func (s *shard) checkStrict(octets []byte) string {
	if _, err := verifyOctets(s.strict, octets); err != nil && problem.From(err).Code != wsse.TokenUnsigned {
		return "strict operation refuses with " + err.Error()
	}
	return ""
}

// nameException counts messages with a name that only the fifth edition of XML 1.0 allows.
const nameException = "encoding/xml does not know a name of the fifth edition: read under another name"

// checkAccepted returns what is wrong with having accepted a message, or "".
func (s *shard) checkAccepted(verified *wsse.Verified, octets []byte) (exception, failure string) {
	read, err := readSecond(octets)
	if err != nil {
		return "", "accepted, and not readable: " + err.Error()
	}
	if read.renamesNames {
		exception = nameException
	}
	return exception, s.compareWithSecond(verified, read)
}

func (s *shard) compareWithSecond(verified *wsse.Verified, read *secondReader) string {
	parts := read.findParts()
	says, err := parts.readStatement()
	if err != nil {
		return err.Error()
	}
	certificate := verified.Certificate()
	if !s.statements[signerStatement{says, verified.Signer().String(), string(certificate.Raw), verified.ReplayKey()}] {
		return fmt.Sprintf("nobody signed this as %s:\n%s\n%s", verified.Signer(), says.body, says.timestamp)
	}
	if err = parts.checkDispatched(verified); err != nil {
		return err.Error()
	}
	created, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(characterData(parts.timestamp.ChildElements()[0])))
	if err != nil || !created.Equal(verified.Created()) {
		return fmt.Sprintf("created %v, signed %v", verified.Created(), created)
	}
	if sum := sha256.Sum256([]byte(says.body)); sum != verified.Digest() {
		return "the digest for the receipt is another"
	}
	if err = read.verifySignature(parts.signature, certificate); err != nil {
		return "we accept the signature, not so the " + err.Error()
	}
	return ""
}

// secondAccepts reports whether the second opinion accepts the signature with one of the candidate certificates. It
// does not check what the signature covers.
func secondAccepts(octets []byte, candidates []*x509.Certificate) bool {
	read, err := readSecond(octets)
	if err != nil {
		return false
	}
	signature := read.findParts().signature
	return slices.ContainsFunc(candidates, func(c *x509.Certificate) bool { return read.verifySignature(signature, c) == nil })
}

// statistics counts the results of a run.
type statistics struct {
	executions, originals int
	accepted              int
	refused               map[problem.Code]int
	asked, secondAccepted map[problem.Code]int // of the refused: second opinions, and those that accept
	failures              []string
	failed                int // all failures; only the first few are kept in failures
	exceptions, xmlsec    map[string]int
}

func newStatistics() *statistics {
	return &statistics{refused: make(map[problem.Code]int), asked: make(map[problem.Code]int), secondAccepted: make(map[problem.Code]int),
		exceptions: make(map[string]int), xmlsec: make(map[string]int)}
}

func (t *statistics) addFailure(text string) {
	if t.failed++; len(t.failures) < maxShownFailures {
		t.failures = append(t.failures, text)
	}
}

func (t *statistics) countOutcome(v *outcome) {
	t.executions++
	if v.exception != "" {
		t.exceptions[v.exception]++
	}
	switch {
	case v.verified != nil:
		t.accepted++
	case v.code != "":
		t.refused[v.code]++
		if v.askedSecond {
			t.asked[v.code]++
		}
		if v.secondAgrees {
			t.secondAccepted[v.code]++
		}
	}
}

func (t *statistics) merge(other *statistics) {
	t.executions += other.executions
	t.originals += other.originals
	t.accepted += other.accepted
	t.failed += other.failed
	t.failures = append(t.failures, other.failures[:min(len(other.failures), max(0, maxShownFailures-len(t.failures)))]...)
	for _, maps := range [][2]map[problem.Code]int{{t.refused, other.refused}, {t.asked, other.asked}, {t.secondAccepted, other.secondAccepted}} {
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
func (t *statistics) String() string {
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
		fmt.Fprintf(&b, "%10d  %10d  %10d  %s\n", t.refused[code], t.asked[code], t.secondAccepted[code], code)
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
func (s *shard) runMutants(x *xmlsec) *statistics {
	t := newStatistics()
	t.originals = len(s.pool)
	for i := range uint64(shardSize) {
		octets, m, candidates := s.newMutant(newDraw(s.seed, 1<<32+i))
		v := s.compareVerifiers(octets, candidates, i%secondOpinionInterval == 0)
		t.countOutcome(&v)
		if x != nil && v.failure == "" {
			v.failure = x.compareAnswer(t, octets, &v, candidates, i)
		}
		if v.failure != "" {
			t.addFailure(fmt.Sprintf("%s=%d, execution %d (%s): %s\n%s", differentialSeed, s.seed, i, strings.Join(m.applied, ", "), v.failure,
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
	c, x := newSignerPool(t), newXmlsec(t)
	end := time.Now().Add(limit)
	var next atomic.Uint64
	more := func() (uint64, bool) {
		n := next.Add(1) - 1
		return seed + n, n < defaultShards || time.Now().Before(end)
	}
	total, mu := newStatistics(), sync.Mutex{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for from, ok := more(); ok; from, ok = more() {
				s, err := newShard(c, from)
				mu.Lock()
				if err != nil {
					total.addFailure(err.Error())
				}
				mu.Unlock()
				if err != nil {
					continue
				}
				part := s.runMutants(x)
				mu.Lock()
				total.merge(part)
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
type choiceTape struct {
	choices  []byte
	fallback *random.PCG
}

// Uint64 repeats two bytes across the word, because Rand uses either the high or the low bits of it.
func (t *choiceTape) Uint64() uint64 {
	if len(t.choices) < 2 {
		return t.fallback.Uint64()
	}
	choice := uint64(t.choices[0])<<8 | uint64(t.choices[1])
	t.choices = t.choices[2:]
	return choice * 0x0001_0001_0001_0001
}

// FuzzDifferential is TestDifferential with mutations chosen by the fuzzer.
func FuzzDifferential(f *testing.F) {
	c := newSignerPool(f)
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
		octets, m, candidates := s.newMutant(draw{random.New(&choiceTape{ops, random.NewPCG(seed, 0)})})
		if v := s.compareVerifiers(octets, candidates, true); v.failure != "" {
			t.Fatalf("%s: %s\n%s", strings.Join(m.applied, ", "), v.failure, base64.StdEncoding.EncodeToString(octets))
		}
	})
}
