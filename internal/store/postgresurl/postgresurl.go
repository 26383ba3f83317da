// Package postgresurl reads the URL of a PostgreSQL database, for the driver and for PostgreSQL's own programs.
//
// It is separate from package engine because both connections and backups need it. Parse is the entry point.
package postgresurl

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// ErrUnverifiedServer means that the identity of a database server on another machine would not be verified. Whoever
// answers in its place would read and change everything.
var ErrUnverifiedServer = errors.New(
	"the database is on another machine, and sslmode=verify-full is missing in its URL")

// Parse reads the URL of a PostgreSQL database, and whether its statements stay prepared.
func Parse(address string, allowUnverified bool) (pq.Config, bool, error) {
	address, prepares, err := takePreparedStatements(address)
	if err != nil {
		return pq.Config{}, false, err
	}
	config, err := parseURL(address, allowUnverified)
	return config, prepares, err
}

// parseURL reads the URL in libpq's form, which allows several hosts
// (https://www.postgresql.org/docs/current/libpq-connect.html, section 34.1.1.3). Its errors quote nothing of the URL
// but hosts and ports, because it may contain a password.
func parseURL(address string, allowUnverified bool) (pq.Config, error) {
	address, err := moveHosts(address)
	if err != nil {
		return pq.Config{}, err
	}
	config, err := pq.NewConfig(address)
	if err != nil {
		return config, errors.New("the database URL is not a valid postgres:// URL; " +
			"several hosts are written postgres://USER@HOST:PORT,HOST:PORT/DATABASE")
	}
	switch wanted := config.TargetSessionAttrs; wanted {
	case pq.TargetSessionAttrsReadOnly, pq.TargetSessionAttrsStandby, pq.TargetSessionAttrsPreferStandby:
		return config, fmt.Errorf("target_session_attrs=%s in the database URL selects a server that cannot write", wanted)
	case pq.TargetSessionAttrsAny, pq.TargetSessionAttrsReadWrite, pq.TargetSessionAttrsPrimary:
	default: // not given: of several servers one accepts writes, and it may be another one tomorrow
		if len(config.Multi) > 0 {
			config.TargetSessionAttrs = pq.TargetSessionAttrsReadWrite
		}
	}
	if remote := findRemoteHost(config); remote != "" && config.SSLMode != pq.SSLModeVerifyFull && !allowUnverified {
		return config, fmt.Errorf("%w (%s)", ErrUnverifiedServer, remote)
	}
	// Binary parameters of a statement that is not prepared travel with it: one round trip, and no named statement,
	// which a pooler would lose.
	config.BinaryParameters = true
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = max(2*time.Second, 5*time.Second/time.Duration(len(config.Multi)+1))
	}
	return config, nil
}

// takePreparedStatements removes prepared_statements=on or off from the parameters of the URL: it is for this engine,
// and the server would refuse it. They are on unless the URL says otherwise.
func takePreparedStatements(address string) (string, bool, error) {
	const name = "prepared_statements"
	before, rawQuery, _ := strings.Cut(address, "?")
	rawQuery, fragment, _ := strings.Cut(rawQuery, "#")
	var kept []string
	prepares := true
	for parameter := range strings.SplitSeq(rawQuery, "&") {
		key, value, _ := strings.Cut(parameter, "=")
		switch {
		case key != name:
			kept = append(kept, parameter)
		case value == "on" || value == "off":
			prepares = value == "on"
		default:
			return "", false, fmt.Errorf("%s in the database URL is on or off", name)
		}
	}
	if len(kept) > 0 && rawQuery != "" {
		before += "?" + strings.Join(kept, "&")
	}
	if fragment != "" {
		before += "#" + fragment
	}
	return before, prepares, nil
}

// findRemoteHost returns the first host that is neither this machine nor a Unix socket, or nothing. It resolves no
// name: what a name means can change after the check.
func findRemoteHost(config pq.Config) string {
	hosts := append([]pq.ConfigMultihost{{Host: config.Host, Hostaddr: config.Hostaddr}}, config.Multi...)
	for _, host := range hosts {
		name, ip := host.Host, host.Hostaddr
		if ip.IsValid() {
			name = ip.String()
		} else {
			ip, _ = netip.ParseAddr(name)
		}
		local := name == "" || name == "localhost" || filepath.IsAbs(name) || strings.HasPrefix(name, "@")
		if !local && !ip.Unmap().IsLoopback() {
			return name
		}
	}
	return ""
}

// moveHosts rewrites a URL with several hosts, an IPv6 address, or the directory of a Unix socket to one with the
// parameters host and port, which is the form that the driver reads.
func moveHosts(address string) (string, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	at := strings.LastIndexByte(authority, '@') + 1
	account, list := authority[:at], authority[at:]
	if !strings.ContainsAny(list, ",%[") {
		return address, nil
	}
	hosts, ports, err := splitHosts(list)
	if err != nil {
		return "", err
	}
	parsed, err := url.Parse(scheme + "://" + account + "localhost" + tail)
	if err != nil {
		return "", errors.New("the database URL is not a valid postgres:// URL")
	}
	query := parsed.Query()
	for _, name := range []string{"host", "hostaddr", "port"} {
		if query.Has(name) {
			return "", fmt.Errorf("the database URL names its hosts twice: before the database and in the parameter %s", name)
		}
	}
	query.Set("host", strings.Join(hosts, ","))
	query.Set("port", strings.Join(ports, ","))
	parsed.Host, parsed.RawQuery = "", query.Encode()
	return parsed.String(), nil
}

// splitHosts splits a list HOST[:PORT],… with IPv6 addresses in brackets. As in libpq, a missing port is 5432 and a
// missing host is localhost.
func splitHosts(list string) (hosts, ports []string, err error) {
	for entry := range strings.SplitSeq(list, ",") {
		host, port := entry, ""
		if end := strings.LastIndexByte(entry, ']'); strings.HasPrefix(entry, "[") && end > 0 {
			host, port = entry[1:end], strings.TrimPrefix(entry[end+1:], ":")
		} else if colon := strings.LastIndexByte(entry, ':'); colon >= 0 {
			host, port = entry[:colon], entry[colon+1:]
		}
		decoded, unescapeErr := url.PathUnescape(host)
		if unescapeErr != nil || strings.ContainsAny(decoded, ",[]") || strings.Contains(host, ":") && entry[0] != '[' {
			return nil, nil, fmt.Errorf("the database URL has an invalid host %q; "+
				"several hosts are written HOST:PORT,HOST:PORT, and an IPv6 address in brackets", entry)
		}
		if port == "" {
			port = "5432"
		}
		if number, portErr := strconv.ParseUint(port, 10, 16); portErr != nil || number == 0 {
			return nil, nil, fmt.Errorf("the database URL has an invalid port %q", port)
		}
		if decoded == "" {
			decoded = "localhost"
		}
		hosts, ports = append(hosts, decoded), append(ports, port)
	}
	return hosts, ports, nil
}

// BuildEnvironment returns the environment variables with which the programs of PostgreSQL connect to the database of
// a URL (section 34.15 of its manual). The password is among them: arguments are seen by every account of the machine.
func BuildEnvironment(address string, allowUnverified bool) ([]string, error) {
	config, _, err := Parse(address, allowUnverified)
	if err != nil {
		return nil, err
	}
	var hosts, addresses, ports []string
	hasAddress := false
	all := append([]pq.ConfigMultihost{{Host: config.Host, Hostaddr: config.Hostaddr, Port: config.Port}}, config.Multi...)
	for _, host := range all {
		hosts, ports = append(hosts, host.Host), append(ports, strconv.Itoa(int(host.Port)))
		ip := ""
		if host.Hostaddr.IsValid() {
			ip, hasAddress = host.Hostaddr.String(), true
		}
		addresses = append(addresses, ip)
	}
	variables := []struct{ name, value string }{
		{"PGHOST", strings.Join(hosts, ",")}, {"PGPORT", strings.Join(ports, ",")}, {"PGDATABASE", config.Database},
		{"PGUSER", config.User}, {"PGPASSWORD", config.Password}, {"PGPASSFILE", config.Passfile},
		{"PGOPTIONS", config.Options}, {"PGSSLMODE", string(config.SSLMode)}, {"PGSSLCERT", config.SSLCert},
		{"PGSSLKEY", config.SSLKey}, {"PGSSLROOTCERT", config.SSLRootCert},
		{"PGTARGETSESSIONATTRS", string(config.TargetSessionAttrs)},
		{"PGCONNECT_TIMEOUT", strconv.Itoa(int(max(config.ConnectTimeout, 2*time.Second).Seconds()))},
		{"PGCLIENTENCODING", "UTF8"},
	}
	if hasAddress {
		variables = append(variables, struct{ name, value string }{"PGHOSTADDR", strings.Join(addresses, ",")})
	}
	var environment []string
	for _, v := range variables {
		if v.value != "" {
			environment = append(environment, v.name+"="+v.value)
		}
	}
	return environment, nil
}
