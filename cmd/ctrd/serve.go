package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/terminal"
)

// serveCommand holds the settings of a service.
type serveCommand struct {
	Data        string   `help:"Data directory: the embedded database and, with --dev, the test PKI." default:"ctr-data" type:"path" placeholder:"DIR"`
	Dev         bool     `help:"Run a development service with a start page at /. If DIR is new, it creates a test PKI in DIR/certs and loads development data."`
	Listen      string   `help:"Address to listen on." default:"127.0.0.1:8443" placeholder:"HOST:PORT"`
	AdminListen string   `help:"Address for metrics; none if empty. Do not expose it publicly." placeholder:"HOST:PORT"`
	Database    string   `help:"PostgreSQL database, postgres://…; the embedded database in DIR if omitted." placeholder:"URL"`
	Unverified  bool     `name:"database-unverified" help:"Accept a database on another machine without sslmode=verify-full: whoever answers in its place can read and change everything."`
	Keys        string   `help:"File with the keys that encrypt personal data, created with a new register. If omitted: keys.json of the systemd credentials or in DIR, or else ${key_file}, which is not created; with --dev DIR/keys.json." type:"path" placeholder:"FILE"`
	Trust       []string `help:"PEM file of certification authorities trusted to issue signers' certificates. Repeatable." type:"path" placeholder:"FILE"`
	Known       []string `help:"PEM file of registered certificates, to which a message may refer by issuer and serial number, key identifier or thumbprint. Repeatable." type:"path" placeholder:"FILE"`
	Revocation  string   `help:"What to do if the revocation status of a signer's certificate, or of an authority above it, stays unknown after 2 s: soft accepts and hard rejects the message, and both query the authority; off uses only the files of --crl and --ocsp. If omitted: hard in Production, otherwise soft." enum:",off,soft,hard" default:"" placeholder:"POLICY"`
	CRL         []string `name:"crl" help:"Revocation list: a file with one or, in PEM, several, reloaded when it changes, or a URL that no certificate contains or that must be loaded at startup. Repeatable." placeholder:"FILE|URL"`
	OCSP        []string `name:"ocsp" help:"File with an OCSP response about one certificate, reloaded when it changes. Repeatable." type:"path" placeholder:"FILE"`
	TLSCert     string   `name:"tls-cert" help:"PEM file with the server's certificate and its chain." type:"path" placeholder:"FILE"`
	TLSKey      string   `name:"tls-key" help:"PEM file with the server's private key." type:"path" placeholder:"FILE"`
	HTTP        bool     `name:"http" help:"Serve plain HTTP, on a loopback address only, for use behind a proxy."`
	Proxies     []string `name:"trusted-proxy" help:"Network of a proxy, as CIDR, whose X-Forwarded-For or Forwarded header names the caller's address. Repeatable." placeholder:"CIDR"`
	PublicURL   string   `help:"URL of the service for callers, used in the WSDL; required without --dev." placeholder:"URL"`
	Environment string   `help:"Name of the environment, shown in faults: Development, Test, Integration, Acceptation, Simulation or Production. Production if omitted, or Development with --dev." enum:",Development,Test,Integration,Acceptation,Simulation,Production" default:"" placeholder:"NAME"`
	Drain       string   `help:"How long to go on serving after a signal to stop, while /readyz sends load balancers elsewhere, such as 5s, which is the default; 0s with --dev." placeholder:"TIME"`
	Strict      bool     `help:"Require that the security token is signed too."`
	AllowSHA1   string   `name:"allow-sha1" help:"Accept SHA-1 in signatures through this day (UTC)." placeholder:"DATE"`
	RequireLink bool     `help:"Require an existing therapeutic relation for notifications too."`
	TSAURL      string   `name:"tsa-url" help:"Time-stamping authority (RFC 3161) that stamps checkpoints of the audit log; needs --tsa-trust." placeholder:"URL"`
	TSATrust    string   `name:"tsa-trust" help:"PEM file of the certificates to which the tokens of --tsa-url must lead." type:"path" placeholder:"FILE"`
	SignReplies bool     `help:"Sign the responses with the key in --reply-key."`
	ReplyKey    string   `help:".p12 file with the key that signs responses." type:"path" placeholder:"FILE"`
	ReplyPass   string   `name:"reply-password-file" help:"File with the password of --reply-key." type:"path" placeholder:"FILE"`
	CardKey     string   `help:".p12 file with the P-256 key that signs cards, issued below an authority of --trust. Cards are not signed if omitted; with --dev a key of the test PKI signs them." type:"path" placeholder:"FILE"`
	CardPass    string   `name:"card-password-file" help:"File with the password of --card-key." type:"path" placeholder:"FILE"`

	Portal portalSettings `embed:""`
}

// portalSettings are the settings of the web portal: all of them, or none.
type portalSettings struct {
	Key          string `name:"portal-key" help:".p12 file with the key that signs what people submit in the portal. The portal needs this flag and the next four." type:"path" placeholder:"FILE"`
	Password     string `name:"portal-password-file" help:"File with the password of --portal-key." type:"path" placeholder:"FILE"`
	Issuer       string `name:"oidc-issuer" help:"URL of the OpenID Connect provider at which people sign in to the portal." placeholder:"URL"`
	Client       string `name:"oidc-client" help:"Name under which the portal is registered at the provider." placeholder:"ID"`
	Secret       string `name:"oidc-secret-file" help:"File with the portal's secret at the provider." type:"path" placeholder:"FILE"`
	PersonClaim  string `name:"oidc-person-claim" help:"Claim of the provider's ID token that holds the person's national number." default:"ssin" placeholder:"NAME"`
	Operators    string `name:"portal-operators" help:"File with the national numbers of the persons who are operators in the portal, one in each line. Nobody is one without it, except an invented person with --dev." type:"path" placeholder:"FILE"`
	Certificates string `name:"certificate-address" help:"HOST:PORT at which browsers show a TLS client certificate to sign in to the portal; nobody can if omitted." placeholder:"HOST:PORT"`
}

// newConfig converts the flags to the configuration of a portal, and refuses a part of them.
func (c *portalSettings) newConfig() (service.PortalConfig, error) {
	var missing []string
	flags := []struct{ name, value string }{
		{"--portal-key", c.Key}, {"--portal-password-file", c.Password}, {"--oidc-issuer", c.Issuer},
		{"--oidc-client", c.Client}, {"--oidc-secret-file", c.Secret},
	}
	for _, flag := range flags {
		if flag.value == "" {
			missing = append(missing, flag.name)
		}
	}
	if len(missing) > 0 && len(missing) < len(flags) {
		return service.PortalConfig{}, errors.New("the portal also needs " + strings.Join(missing, ", "))
	}
	return service.PortalConfig{
		KeyFile: c.Key, PasswordFile: c.Password, Issuer: c.Issuer, ClientID: c.Client, ClientSecretFile: c.Secret,
		PersonClaim: c.PersonClaim, OperatorsFile: c.Operators,
	}, nil
}

// startupInfo is printed as one line of JSON on standard output when the service is ready.
type startupInfo struct {
	URL   string            `json:"url"`
	Admin string            `json:"admin,omitempty"`
	Data  string            `json:"data"`
	CA    string            `json:"ca,omitempty"`
	P12   map[string]string `json:"p12,omitempty"`
}

// Run serves until the context ends.
func (c *serveCommand) Run(e environment) error {
	config, err := c.newConfig(e)
	if err != nil {
		return err
	}
	s, err := service.Start(e.ctx, config)
	if err != nil {
		return describeStartError(err, c.Listen)
	}
	if !c.Dev && e.findKeyFile(c.Keys, c.Data).isBesideDatabase {
		config.Log.WarnContext(e.ctx, "the key file is in the data directory, so that copies of the database contain its "+
			"keys: stop the service, move the file and start again", slog.String("from", config.KeyFile),
			slog.String("to", defaultKeyFile))
	}
	line, err := json.Marshal(startupInfo{
		URL:   s.URL,
		Admin: s.MetricsURL,
		Data:  c.Data,
		CA:    s.TestPKI.CA,
		P12:   s.TestPKI.P12,
	})
	if err == nil {
		err = terminal.Printf(e.stdout, "%s\n", string(line))
	}
	if err == nil {
		err = s.Wait(e.ctx)
	}
	if err == nil {
		duration, _ := c.drainTime() // checked before the start
		drainService(s, duration)
	}
	return errors.Join(err, s.Close())
}

// defaultDrain is the time in which a load balancer that asks /readyz every two seconds has noticed; maxDrain bounds a
// typing error.
const (
	defaultDrain = 5 * time.Second
	maxDrain     = 5 * time.Minute
)

func (c *serveCommand) drainTime() (time.Duration, error) {
	switch {
	case c.Drain == "" && c.Dev:
		return 0, nil
	case c.Drain == "":
		return defaultDrain, nil
	}
	duration, err := time.ParseDuration(c.Drain)
	if err != nil || duration < 0 || duration > maxDrain {
		return 0, fmt.Errorf("--drain takes a time from 0s to %s, not %q", maxDrain, c.Drain)
	}
	return duration, nil
}

// drainService lets callers go elsewhere after the first signal; the second one skips it.
func drainService(s *service.Service, duration time.Duration) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s.Drain(ctx, duration)
}

// newConfig converts the flags to the configuration of a service.
func (c *serveCommand) newConfig(e environment) (service.Config, error) {
	config := service.Config{
		Now:                   time.Now,
		Log:                   slog.New(slog.NewJSONHandler(e.stderr, nil)),
		DataDirectory:         c.Data,
		DatabaseURL:           c.Database,
		UnverifiedDatabase:    c.Unverified,
		KeyFile:               c.Keys,
		Listen:                c.Listen,
		MetricsListen:         c.AdminListen,
		PlainHTTP:             c.HTTP,
		TrustedProxies:        c.Proxies,
		PublicURL:             c.PublicURL,
		Environment:           c.Environment,
		Development:           c.Dev,
		TLSCertificateFile:    c.TLSCert,
		TLSKeyFile:            c.TLSKey,
		TrustFiles:            c.Trust,
		KnownCertificateFiles: c.Known,
		RevocationPolicy:      revocation.StatusPolicy(c.Revocation),
		RevocationLists:       c.CRL,
		OCSPResponseFiles:     c.OCSP,
		StrictTokens:          c.Strict,
		RequireCareRelation:   c.RequireLink,
		TimestampURL:          c.TSAURL,
		TimestampTrustFile:    c.TSATrust,
		CardKeyFile:           c.CardKey,
		CardPasswordFile:      c.CardPass,
		CertificateListen:     c.Portal.Certificates,
	}
	if (c.CardKey == "") != (c.CardPass == "") {
		return config, errors.New("signed cards need --card-key and --card-password-file")
	}
	if _, err := c.drainTime(); err != nil {
		return config, err
	}
	var err error
	if config.Portal, err = c.Portal.newConfig(); err != nil {
		return config, err
	}
	if !c.Dev || c.Keys != "" { // a development service has its keys in the data directory, beside its test PKI
		keys := e.findKeyFile(c.Keys, c.Data)
		config.KeyFile, config.IsKeyCredential, config.KeyFileMustExist = keys.path, keys.isCredential, keys.isDefault
	}
	if c.AllowSHA1 != "" {
		day, err := time.Parse(time.DateOnly, c.AllowSHA1)
		if err != nil {
			return config, fmt.Errorf("--allow-sha1 takes a day as YYYY-MM-DD, not %q", c.AllowSHA1)
		}
		config.AllowSHA1Until = day.AddDate(0, 0, 1)
	}
	if c.SignReplies {
		if c.ReplyKey == "" || c.ReplyPass == "" {
			return config, errors.New("--sign-replies needs --reply-key and --reply-password-file")
		}
		config.ReplyKeyFile, config.ReplyPasswordFile = c.ReplyKey, c.ReplyPass
	}
	return config, nil
}

// describeStartError names the flags that mend an error of service.Start.
func describeStartError(err error, listen string) error {
	setting, isSetting := errors.AsType[*service.SettingError](err)
	switch {
	case isSetting:
		return fmt.Errorf("--%w", setting)
	case errors.Is(err, service.ErrNotLoopback):
		return fmt.Errorf("--http needs a loopback address, which %s is not: use TLS, or a proxy in front", listen)
	case errors.Is(err, service.ErrNoTrust):
		return errors.New("no trusted certification authority: use --trust FILE.pem, or --dev")
	case errors.Is(err, service.ErrNoPublicURL):
		return errors.New("the WSDL needs the address of the service for callers: use --public-url URL, or --dev")
	case errors.Is(err, service.ErrNoTLSCertificate):
		return errors.New("TLS needs --tls-cert and --tls-key (or --http behind a proxy, or --dev)")
	case errors.Is(err, service.ErrListURLWithoutRequests):
		return errors.New("--crl takes no URL with --revocation=off, which sends no requests")
	}
	return describeDatabaseError(err)
}

// describeDatabaseError names the flag that accepts a database server without proof of its identity.
func describeDatabaseError(err error) error {
	switch {
	case errors.Is(err, store.ErrUnverifiedServer):
		return fmt.Errorf("%w: add it, with sslrootcert=FILE for an authority of your own, or use --database-unverified",
			err)
	case errors.Is(err, store.ErrNoKeyFile):
		return fmt.Errorf("%w: make one for a new register with ctrd admin keys create FILE and keep a copy of it, restore "+
			"the one of an existing register, or name another place with --keys", err)
	}
	return err
}
