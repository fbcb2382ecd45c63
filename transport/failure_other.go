//go:build !windows

package transport

import "syscall"

// failureOfErrno sorts an error of the operating system, FailureNone if the
// general rules are to decide.
func failureOfErrno(code syscall.Errno) Failure {
	switch code {
	case syscall.ECONNREFUSED:
		return FailureRefused
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return FailureReset
	case syscall.ETIMEDOUT:
		return FailureSilent
	}
	return FailureNone
}

// outOfSomething tells whether the host lacks memory or descriptors for now.
func outOfSomething(code syscall.Errno) bool {
	switch code {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}
