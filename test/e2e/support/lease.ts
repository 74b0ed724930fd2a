/**
 * For stages with one operator: nobody waits for its Lease, and on a machine that runs everything at once a renewal
 * may take seconds. An operator that steps down here is not started again, as a kubelet would.
 */
export const patientLease = {
  HEADGATE_LEASE_DURATION: '60s',
  HEADGATE_RENEW_DEADLINE: '40s',
  HEADGATE_RETRY_PERIOD: '2s',
};
