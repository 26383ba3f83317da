package admission

import (
	"net"
	"sync"
)

// connectionLimit bounds the open connections of a listener. When there is no room for a new one it closes the oldest
// unverified connection without a request in progress, of the address with the most connections: so the new caller
// comes in, and one who holds many connections loses one of these.
type connectionLimit struct {
	max int

	mutex    sync.Mutex
	byOwner  map[owner][]*connection // the oldest first
	accepted int
}

// LimitConnections returns a listener that keeps at most limit connections open.
func LimitConnections(l net.Listener, limit int) net.Listener {
	return &limitedListener{l, &connectionLimit{max: limit, byOwner: map[owner][]*connection{}}}
}

type limitedListener struct {
	net.Listener
	limit *connectionLimit
}

// Accept waits for a connection.
func (l *limitedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := newConnection(sourceOfAddress(conn.RemoteAddr().String()))
	c.Conn, c.limit = conn, l.limit
	if victim := l.limit.add(c); victim != nil {
		_ = victim.Close()
	}
	return c, nil
}

// add adds a connection, and returns the one to close instead if there are too many.
func (l *connectionLimit) add(c *connection) (victim *connection) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.byOwner[c.source] = append(l.byOwner[c.source], c)
	if l.accepted++; l.accepted <= l.max {
		return nil
	}
	most := 0
	for _, all := range l.byOwner {
		if len(all) <= most {
			continue
		}
		for _, candidate := range all {
			if candidate != c && candidate.signer.Load() == nil && candidate.inProgress.Load() == 0 {
				victim, most = candidate, len(all)
				break
			}
		}
	}
	if victim == nil {
		return c
	}
	return victim
}

func (l *connectionLimit) remove(c *connection) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	all := l.byOwner[c.source]
	for i, other := range all {
		if other == c {
			l.accepted--
			if all = append(all[:i:i], all[i+1:]...); len(all) == 0 {
				delete(l.byOwner, c.source)
			} else {
				l.byOwner[c.source] = all
			}
			return
		}
	}
}
