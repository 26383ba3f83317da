package timestamp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"time"
)

// Client asks an authority for tokens over HTTP (RFC 3161 §3.4).
type Client struct {
	url    string
	roots  *x509.CertPool
	client *http.Client
}

// requestLimit bounds a request, from the connection to the last byte of the response.
const requestLimit = 10 * time.Second

// NewClient returns a client of the authority at an address, whose tokens must lead to one of the roots. It follows no
// redirects: only the operator decides who is asked.
func NewClient(address string, roots *x509.CertPool) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("the address of a time-stamping authority begins with http:// or https://")
	}
	return &Client{url: address, roots: roots, client: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: requestLimit},
		Timeout:   requestLimit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Roots returns the authorities that the client trusts.
func (c *Client) Roots() *x509.CertPool { return c.roots }

type request struct {
	Version       int
	Imprint       messageImprint
	Nonce         *big.Int
	IsCertificate bool
}

type response struct {
	Status struct {
		Status int
		Text   []asn1.RawValue `asn1:"optional"`
		Failed asn1.BitString  `asn1:"optional"`
	}
	Token asn1.RawValue `asn1:"optional"`
}

// RequestToken has a token made over a SHA-256 that covers what must exist now, verifies it, and returns its bytes with
// what it says.
func (c *Client) RequestToken(ctx context.Context, hash [sha256.Size]byte) ([]byte, Token, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	nonce := new(big.Int).SetBytes(random)
	query, err := asn1.Marshal(request{Version: 1, Nonce: nonce, IsCertificate: true, Imprint: messageImprint{
		algorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, hash[:]}})
	if err != nil {
		return nil, Token{}, fmt.Errorf("time stamp: %w", err)
	}
	reply, err := c.postQuery(ctx, query)
	if err != nil {
		return nil, Token{}, fmt.Errorf("time stamp: %w", err)
	}
	token, err := parseResponse(reply)
	if err != nil {
		return nil, Token{}, fmt.Errorf("time stamp: %w", err)
	}
	info, signer, err := verifyToken(token, hash, c.roots)
	if err == nil && (info.Nonce == nil || info.Nonce.Cmp(nonce) != 0) {
		err = errors.New("it answers another request")
	}
	if err != nil {
		return nil, Token{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return token, newToken(info, signer), nil
}

func (c *Client) postQuery(ctx context.Context, query []byte) (reply []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/timestamp-query")
	request.Header.Set("Accept", "application/timestamp-reply")
	response, err := c.client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // the address may hold a password
			err = wrapped.Err
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is HTTP %d", response.StatusCode)
	}
	reply, err = io.ReadAll(io.LimitReader(response.Body, MaxTokenBytes+1))
	if err == nil && len(reply) > MaxTokenBytes {
		err = fmt.Errorf("the answer has more than %d bytes", MaxTokenBytes)
	}
	return reply, err
}

// parseResponse returns the token of a TimeStampResp.
func parseResponse(reply []byte) ([]byte, error) {
	var r response
	if err := parseDER(reply, &r); err != nil {
		return nil, errors.New("the answer cannot be read")
	}
	const grantedWithModifications = 1
	if r.Status.Status < 0 || r.Status.Status > grantedWithModifications || len(r.Token.FullBytes) == 0 {
		return nil, fmt.Errorf("the authority refused, with status %d", r.Status.Status)
	}
	return r.Token.FullBytes, nil
}
