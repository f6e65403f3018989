/** postgresql.conf, written anew at every start so that a new version of Loom brings its settings along. */

/** @param sockets folder of the unix socket @param log folder of the log files */
export function postgresSettings(sockets: string, log: string): string {
  const settings: Record<string, string> = {
    // Reached by unix socket only.
    listen_addresses: "",
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    password_encryption: "scram-sha-256",
    max_connections: "60",
    // Sessions of a Loom that is gone end while their statement still runs.
    client_connection_check_interval: "2s",

    // What is acknowledged is on the disk.
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    wal_compression: "on",
    checkpoint_timeout: "15min",
    checkpoint_completion_target: "0.9",
    max_wal_size: "1GB",
    min_wal_size: "80MB",

    // A small machine, shared with what runs on it.
    shared_buffers: "256MB",
    effective_cache_size: "512MB",
    work_mem: "8MB",
    maintenance_work_mem: "64MB",
    jit: "off",
    io_method: "sync",
    // Parallel queries need /dev/shm, which containers keep small.
    max_parallel_workers_per_gather: "0",
    max_parallel_maintenance_workers: "0",
    autovacuum_naptime: "20s",
    autovacuum_vacuum_scale_factor: "0.05",

    // A file for each day of the week.
    logging_collector: "on",
    log_directory: log,
    log_filename: "postgresql-%a.log",
    log_file_mode: "0600",
    log_rotation_age: "1d",
    log_rotation_size: "0",
    log_truncate_on_rotation: "on",
    log_checkpoints: "off",
    log_min_messages: "warning",
    // Statements hold what people keep in Loom.
    log_min_error_statement: "panic",
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
    log_line_prefix: "%m [%p] ",

    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    default_text_search_config: "pg_catalog.simple",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return ["# Written by Loom at every start.", ...lines, ""].join("\n");
}
