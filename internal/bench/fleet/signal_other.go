//go:build !unix

package fleet

import "errors"

// Stop is not to be had here.
func (p *Process) Stop() error { return errors.New("this system cannot stop a process for a while") }

// Continue is not to be had here.
func (p *Process) Continue() error {
	return errors.New("this system cannot stop a process for a while")
}
