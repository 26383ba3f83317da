package storetest

import (
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"testing"

	"github.com/lib/pq"
)

// Failover is a primary and its standby, and one address that leads to either of them, as a name or a proxy does that a
// failover moves.
type Failover struct {
	URL string // of a database, by the address that moves

	primary, standby string // URLs of the servers
	proxy            *SilentProxy
}

// StartFailover starts a primary and its standby. The address leads to the primary at first.
func StartFailover(t testing.TB) *Failover {
	t.Helper()
	f := &Failover{}
	f.primary = startOwnServer(t, "")
	f.standby = startOwnServer(t, f.primary)
	f.proxy = startProxy(t, f.primary)
	f.URL = f.proxy.URL
	return f
}

func startOwnServer(t testing.TB, primary string) string {
	t.Helper()
	server, err := startServer(primary)
	if err != nil {
		if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
			t.Skip(installHint)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.lifeline.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.url
}

// LeadToPrimary makes new connections lead to the primary. The open ones stay where they are.
func (f *Failover) LeadToPrimary(t testing.TB) { f.leadTo(t, f.primary) }

// LeadToStandby makes new connections lead to the standby. The open ones stay where they are.
func (f *Failover) LeadToStandby(t testing.TB) { f.leadTo(t, f.standby) }

func (f *Failover) leadTo(t testing.TB, server string) {
	t.Helper()
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	f.proxy.leadTo(address.Host)
}

// CloseConnections closes the open connections, as a server does that ends.
func (f *Failover) CloseConnections() { f.proxy.closeOpen() }

// Promote makes the standby a primary.
func (f *Failover) Promote(t testing.TB) {
	t.Helper()
	execAsAdmin(t, f.standby, "SELECT pg_promote()")
}

// Hosts returns a URL that names both servers, the standby first.
func (f *Failover) Hosts(t testing.TB) string {
	t.Helper()
	standby, err := url.Parse(f.standby)
	if err != nil {
		t.Fatal(err)
	}
	primary, err := url.Parse(f.primary)
	if err != nil {
		t.Fatal(err)
	}
	primary.Host = standby.Host + "," + primary.Host
	return primary.String()
}

// PasswordServer is a server some of whose roles need a password.
type PasswordServer struct{ url string }

// StartPasswordServer starts a server.
func StartPasswordServer(t testing.TB) *PasswordServer {
	t.Helper()
	s := &PasswordServer{url: startOwnServer(t, "")}
	execAsAdmin(t, s.url, `CREATE ROLE with_password`)
	return s
}

// CreateRole creates a role whose password PostgreSQL keeps as password_encryption says, and returns its name.
func (s *PasswordServer) CreateRole(t testing.TB, encryption, password string) string {
	t.Helper()
	role := "r" + rand.Text()
	execAsAdmin(t, s.url, `SET password_encryption = `+pq.QuoteLiteral(encryption)+`; CREATE ROLE "`+role+
		`" LOGIN IN ROLE with_password PASSWORD `+pq.QuoteLiteral(password))
	return role
}

// URLOf returns the URL of the server for a role.
func (s *PasswordServer) URLOf(t testing.TB, role, password string) string {
	t.Helper()
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(role, password)
	return address.String()
}
