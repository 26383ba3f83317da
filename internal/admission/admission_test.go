package admission

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// caller is a client with an address and, unless it opens one for each message, a connection.
type caller struct {
	address    string
	connection context.Context //nolint:containedctx // a connection has a context in net/http
	header     http.Header
}

func newCaller(t *testing.T, address string) caller {
	t.Helper()
	return caller{address: address, connection: ConnContext(t.Context(), nil)}
}

// reconnect returns the caller with a new connection.
func (c caller) reconnect() caller {
	c.connection = ConnContext(context.Background(), nil)
	return c
}

// request returns a request of the caller with a body.
func (c caller) request(ctx context.Context, body io.Reader) *http.Request {
	ctx = context.WithValue(ctx, connectionKey{}, connectionFromContext(c.connection)) //nolint:contextcheck // of the connection
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", body)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(c.address), 1).String()
	if c.header != nil {
		r.Header = c.header
	}
	return r
}

// How a message of a test ends.
const (
	garbage = iota // is refused before it verifies
	signed         // verifies
	replay         // verifies, and is a copy
)

// send sends a message, which costs time to refuse or in the store, and returns how long that took.
func (c caller) send(t *testing.T, to *Controller, message []byte, signer string, kind int, cost time.Duration) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	r := c.request(t.Context(), strings.NewReader(string(message)))
	a, err := to.Admit(r)
	if err != nil {
		return time.Since(began), err
	}
	outcome := Undecided
	defer func() { a.Finish(outcome) }()
	data, err := a.ReadBody(httptest.NewRecorder(), r, 1<<20)
	if err == nil {
		err = a.AcquireSlot(t.Context(), data)
	}
	if err != nil {
		return time.Since(began), err
	}
	if kind == garbage {
		time.Sleep(cost)
		return time.Since(began), nil
	}
	time.Sleep(usualCost)
	if err = a.AcquireWork(t.Context(), signer); err != nil {
		return time.Since(began), err
	}
	time.Sleep(cost)
	if outcome = Proved; kind == replay {
		outcome = Replayed
	}
	return time.Since(began), nil
}

func mustSend(t *testing.T, c caller, to *Controller, message []byte, signer string, kind int, cost time.Duration) time.Duration {
	t.Helper()
	took, err := c.send(t, to, message, signer, kind, cost)
	if err != nil {
		t.Fatal(err)
	}
	return took
}

func wantAllIdle(t *testing.T, c *Controller) {
	t.Helper()
	for _, q := range []*fairQueue{c.unverified, c.known, c.knownLarge, c.work, c.handshakes, c.pages, c.signIns} {
		wantIdle(t, q)
	}
	wantUnused(t, c.unverifiedReading)
	wantUnused(t, c.verifiedReading)
}

const usualCost = time.Millisecond

var hospitalMessage = envelopeWithToken("MIIhospital")

// TestFindingH3HonestCallersAreServed has attackers do the same all the time, and an honest caller send a message now
// and then: it takes three times as long as in quiet at most, but for its first one.
func TestFindingH3HonestCallersAreServed(t *testing.T) {
	t.Parallel()
	const attackers, honestMessages = 100, 20
	manyAddresses := func(i int) string { return fmt.Sprintf("10.%d.%d.1", i>>8, i&255) }
	oneAddress := func(int) string { return "198.51.100.1" }
	sameNetwork := func(i int) string { return fmt.Sprintf("192.0.2.%d", 2+i%250) }
	for _, c := range []struct {
		name    string
		address func(i int) string
		attack  func(t *testing.T, to *Controller, c caller, i int)
	}{
		{"garbage from one address", oneAddress, attackWith([]byte("<a/>"), "", garbage, usualCost)},
		{"garbage from many addresses", manyAddresses, attackWith([]byte("<a/>"), "", garbage, usualCost)},
		{"garbage from the same network", sameNetwork, attackWith([]byte("<a/>"), "", garbage, usualCost)},
		{"costly garbage", oneAddress, attackWith([]byte("<a/>"), "", garbage, 50*time.Millisecond)},
		{"garbage with the caller's certificate", manyAddresses, attackWith(hospitalMessage, "", garbage, usualCost)},
		{"replays", manyAddresses, attackWith(hospitalMessage, "hospital", replay, usualCost)},
		{"one signer that wants all permits", oneAddress, attackWith(envelopeWithToken("MIIperson"), "person", signed, 30*usualCost)},
		{"silent bodies", oneAddress, attackWithSlowBodies(0, time.Hour)},
		{"slow bodies", manyAddresses, attackWithSlowBodies(1, time.Second)},
		{"half of a large body", oneAddress, attackWithSlowBodies(70<<10, time.Hour)},
	} {
		for _, keepAlive := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, keep-alive %v", c.name, keepAlive), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					to := NewController(time.Now, nil)
					stopped := make(chan struct{})
					var group sync.WaitGroup
					for i := range attackers {
						attacker := newCaller(t, c.address(i))
						group.Go(func() {
							for !isClosed(stopped) {
								c.attack(t, to, attacker, i)
							}
						})
					}
					time.Sleep(3 * time.Second)
					honest := newCaller(t, "192.0.2.1")
					if first := mustSend(t, honest, to, hospitalMessage, "hospital", signed, usualCost); first > 2*time.Second {
						t.Errorf("the first message took %v", first)
					}
					slow := 0
					for range honestMessages {
						time.Sleep(100 * time.Millisecond)
						if !keepAlive {
							honest = honest.reconnect()
						}
						if took := mustSend(t, honest, to, hospitalMessage, "hospital", signed, usualCost); took > 3*2*usualCost {
							slow++
						}
					}
					if slow > 0 {
						t.Errorf("%d of %d messages took more than three times as long as in quiet", slow, honestMessages)
					}
					close(stopped)
					group.Wait()
					time.Sleep(time.Minute)
					wantAllIdle(t, to)
				})
			})
		}
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// attackWith sends the message, and after a tenth of a second again.
func attackWith(message []byte, signer string, kind int, cost time.Duration) func(*testing.T, *Controller, caller, int) {
	return func(t *testing.T, to *Controller, c caller, _ int) {
		t.Helper()
		_, _ = c.send(t, to, message, signer, kind, cost)
		time.Sleep(time.Second / 10)
	}
}

// attackWithSlowBodies begins a request on each stream that a connection has, with a body that begins and then trickles.
func attackWithSlowBodies(begin int, pause time.Duration) func(*testing.T, *Controller, caller, int) {
	return func(t *testing.T, to *Controller, c caller, _ int) {
		t.Helper()
		var group sync.WaitGroup
		for range MaxStreams {
			group.Go(func() {
				slow := newSlowBody(1, 600, pause)
				r := c.request(t.Context(), io.MultiReader(strings.NewReader(strings.Repeat("x", begin)), slow))
				r.ContentLength = 80 << 10
				a, err := to.Admit(r)
				if err != nil {
					return
				}
				_, _ = a.ReadBody(&cuttableWriter{ResponseRecorder: httptest.NewRecorder(), body: slow}, r, 1<<20)
				a.Finish(Undecided)
			})
		}
		group.Wait()
	}
}

// cuttableWriter is a ResponseWriter whose read deadline cuts the body off.
type cuttableWriter struct {
	*httptest.ResponseRecorder
	body *slowBody
}

func (w *cuttableWriter) SetReadDeadline(time.Time) error {
	w.body.cutOff()
	return nil
}

// TestTrustInConnections checks what makes a caller trusted, and what ends it.
func TestTrustInConnections(t *testing.T) {
	t.Parallel()
	proxied := http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	proxies := TrustedProxies{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name      string
		messages  []int
		reconnect bool
		proxied   bool
		known     bool
	}{
		{"nothing yet", nil, false, false, false},
		{"a message", []int{signed}, false, false, true},
		{"a message, then another connection", []int{signed}, true, false, true},
		{"garbage after it", []int{signed, garbage}, false, false, true}, // the certificate is still trusted
		{"garbage only", []int{garbage}, false, false, false},
		{"a replay", []int{replay}, false, false, false},
		{"a replay after a message", []int{signed, replay}, false, false, true},
		{"too many replays after a message", []int{signed, replay, replay, replay, replay}, false, false, false},
		{"too much garbage after a message", []int{signed, garbage, garbage, garbage, garbage}, true, false, false},
		{"a message through a proxy", []int{signed}, true, true, true},
		{"garbage through a proxy", []int{garbage}, true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				to := NewController(time.Now, proxies)
				honest := newCaller(t, "192.0.2.1")
				if c.proxied {
					honest.address, honest.header = "10.0.0.1", proxied
				}
				for _, kind := range c.messages {
					mustSend(t, honest, to, hospitalMessage, "hospital", kind, usualCost)
					time.Sleep(maxCooldown)
				}
				if c.reconnect {
					honest = honest.reconnect()
				}
				holder := sourceAt("203.0.113.1") // an unverified message is being verified
				mustAcquire(t, to.unverified, holder)
				time.AfterFunc(time.Second, func() { to.unverified.release(holder) })
				if took := mustSend(t, honest, to, hospitalMessage, "hospital", signed, usualCost); (took < time.Second) != c.known {
					t.Errorf("the next message took %v", took)
				}
				time.Sleep(time.Second)
				wantAllIdle(t, to)
			})
		})
	}
}

// TestRestAfterOverload checks that a caller who was turned away cannot use up time by repeating the request at once.
func TestRestAfterOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to, hasty := NewController(time.Now, nil), newCaller(t, "192.0.2.1")
		turnAway := func() {
			a, err := to.Admit(hasty.request(t.Context(), http.NoBody))
			if err != nil {
				t.Fatal(err)
			}
			a.turnedAway = true
			a.Finish(Undecided)
		}
		turnAway()
		if took := mustSend(t, hasty, to, hospitalMessage, "hospital", signed, usualCost); took != restAfterOverload+2*usualCost {
			t.Errorf("a stranger's next message took %v", took)
		}
		turnAway()
		if took := mustSend(t, hasty, to, hospitalMessage, "hospital", signed, usualCost); took != verifiedRestAfterOverload+2*usualCost {
			t.Errorf("a known caller's next message took %v", took)
		}
		turnAway()
		if took := mustSend(t, hasty.reconnect(), to, hospitalMessage, "hospital", signed, usualCost); took != 2*usualCost {
			t.Errorf("on another connection it took %v", took)
		}
	})
}

// TestConnContext checks that all requests of a connection share its state, in HTTP/2 and over TLS too, and that two
// connections do not.
func TestConnContext(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		seen := make(chan *connection, 3)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != second {
				t.Errorf("%s", r.Proto)
			}
			seen <- connectionFromContext(r.Context())
		}))
		server.Listener = LimitConnections(server.Listener, 10)
		server.Config.ConnContext = ConnContext
		server.EnableHTTP2 = second
		server.StartTLS()
		for range 3 {
			if len(seen) == 2 {
				server.Client().CloseIdleConnections()
			}
			mustGet(t, server)
		}
		server.Close()
		a, b, c := <-seen, <-seen, <-seen
		if a != b || b == c {
			t.Error("the state is not that of the connection")
		}
		if a.source.address != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("its source is %v", a.source)
		}
	}
	if one, other := connectionFromContext(t.Context()), connectionFromContext(t.Context()); one == other {
		t.Error("without a connection, strangers share a state")
	}
}

func mustGet(t *testing.T, server *httptest.Server) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err = response.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// pipeListener accepts connections that a test makes up.
type pipeListener struct{ conns chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) { return <-l.conns, nil }
func (pipeListener) Close() error                { return nil }
func (pipeListener) Addr() net.Addr              { return &net.TCPAddr{} }

// madeUpConn is a connection from an address.
type madeUpConn struct {
	net.Conn
	address string
	closed  bool
}

func (c *madeUpConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.address), 1))
}

func (c *madeUpConn) Close() error {
	c.closed = true
	return nil
}

// TestConnectionLimit fills a listener: who holds most loses an idle, unverified connection, the oldest.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	l := pipeListener{make(chan net.Conn, 1)}
	limited := LimitConnections(l, 6)
	accept := func(address string) (*madeUpConn, *connection) {
		made := &madeUpConn{address: address}
		l.conns <- made
		accepted, err := limited.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c, ok := accepted.(*connection)
		if !ok {
			t.Fatalf("%T", accepted)
		}
		return made, c
	}
	_, verified := accept("192.0.2.1")
	verified.signer.Store(&owner{signer: "hospital"})
	_, busy := accept("192.0.2.1")
	busy.inProgress.Add(1)
	oldest, _ := accept("192.0.2.1")
	second, _ := accept("192.0.2.1")
	other, _ := accept("198.51.100.1")
	if _, last := accept("198.51.100.2"); oldest.closed || second.closed || other.closed {
		t.Fatal("closed without need")
	} else if err := last.Close(); err != nil {
		t.Fatal(err)
	} else if err = last.Close(); err != nil { // does not count twice
		t.Fatal(err)
	}
	for i, want := range []*madeUpConn{nil, oldest, second} {
		newcomer, _ := accept(fmt.Sprintf("203.0.113.%d", i))
		if newcomer.closed || want != nil && !want.closed {
			t.Errorf("newcomer %d is closed: %v", i, newcomer.closed)
		}
	}
	verified.inProgress.Add(1)
	if made := verified.Conn.(*madeUpConn); made.closed || busy.Conn.(*madeUpConn).closed { //nolint:forcetypeassert,errcheck // made above
		t.Error("a verified or a busy connection is closed")
	}
}
