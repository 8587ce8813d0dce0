export interface CephLayout {
  dir: string
  clusterId: string
  monitorPort: number
  gatewayPort: number
}

/**
 * One monitor, one OSD, no manager, on loopback. cephx, because without authentication the monitor loops;
 * bluestore, because only what is on disk survives a kill. tcp_nodelay, because an answer of several packets
 * otherwise takes 40 ms, a time that no object store far away adds.
 */
export function cephConfig({dir, clusterId, monitorPort, gatewayPort}: CephLayout): string {
  return `[global]
fsid = ${clusterId}
mon_host = v2:127.0.0.1:${monitorPort}
mon_initial_members = a
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_ipv6 = false
run_dir = ${dir}/run
log_file = ${dir}/$name.log
log_to_stderr = false
admin_socket = ${dir}/run/$name.asok
keyring = ${dir}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_data_avail_warn = 2
mon_data_avail_crit = 1
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_objectstore = bluestore
bluestore_block_size = 21474836480
osd_memory_target = 939524096
bluestore_cache_autotune = false
bluestore_cache_size = 134217728
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
osd_heartbeat_grace = 5
rgw_frontends = beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1
rgw_dns_name = s3.localhost
rgw_enable_apis = s3,admin
rgw_rados_pool_pg_num_min = 1
rgw_data = ${dir}
[mon.a]
mon_data = ${dir}/mon
[osd.0]
osd_data = ${dir}/osd0
`
}
