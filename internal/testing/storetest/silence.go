package storetest

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// SilentProxy stands between a store and PostgreSQL, and can become silent: it keeps its connections open and takes all
// bytes, and lets no answer through. So does a server that is stopped, or a network that lost a route.
type SilentProxy struct {
	URL string // of a new database behind the proxy

	group sync.WaitGroup

	mu          sync.Mutex
	server      string // where new connections lead
	connections []*silentConnection
	silent      bool // new connections are silent too
	cut         bool // requests do not reach the server either
}

type silentConnection struct {
	client, server net.Conn
	silent, cut    atomic.Bool
}

// StartSilentProxy starts a proxy, which lets everything through at first, in front of a new database.
func StartSilentProxy(t testing.TB) *SilentProxy {
	t.Helper()
	return startProxy(t, NewPostgresDatabase(t))
}

// startProxy starts a proxy in front of a database.
func startProxy(t testing.TB, database string) *SilentProxy {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &SilentProxy{server: address.Host}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address.Host = listener.Addr().String()
	query := address.Query()
	query.Set("sslmode", "disable")
	address.RawQuery = query.Encode()
	p.URL = address.String()
	p.group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.serve(client)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for _, c := range p.connections {
			_, _ = c.client.Close(), c.server.Close()
		}
		p.mu.Unlock()
		p.group.Wait()
	})
	return p
}

func (p *SilentProxy) serve(client net.Conn) {
	p.mu.Lock()
	address := p.server
	p.mu.Unlock()
	server, err := net.Dial("tcp", address)
	if err != nil {
		_ = client.Close()
		return
	}
	c := &silentConnection{client: client, server: server}
	p.mu.Lock()
	c.silent.Store(p.silent)
	c.cut.Store(p.cut)
	p.connections = append(p.connections, c)
	p.mu.Unlock()
	p.group.Go(func() { forward(client, server, &c.cut) })
	p.group.Go(func() { forward(server, client, &c.silent) })
}

// forward copies bytes until an end is closed, and drops them while the flag is set. A silent proxy says nothing of the
// end of the other side.
func forward(from, to net.Conn, drop *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			if !drop.Load() {
				_ = to.Close()
			}
			return
		}
		if drop.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// SilenceOpen makes the open connections silent for ever; new ones work. If cut, requests do not reach the server.
func (p *SilentProxy) SilenceOpen(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.connections {
		c.cut.Store(cut)
		c.silent.Store(true)
	}
}

// SilenceAll makes the open connections and all new ones silent. If cut, requests do not reach the server.
func (p *SilentProxy) SilenceAll(cut bool) {
	p.mu.Lock()
	p.silent, p.cut = true, cut
	p.mu.Unlock()
	p.SilenceOpen(cut)
}

// Speak lets new connections through again. The silent ones stay silent.
func (p *SilentProxy) Speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.cut = false, false
}

// leadTo makes new connections lead to another server; the open ones stay where they are.
func (p *SilentProxy) leadTo(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// closeOpen closes the open connections, as a server does that ends.
func (p *SilentProxy) closeOpen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.connections {
		_, _ = c.client.Close(), c.server.Close()
	}
	p.connections = nil
}
