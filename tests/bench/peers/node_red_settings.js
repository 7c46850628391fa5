// Node-RED as a service: no editor, nothing that listens, nothing that calls home. BENCH_STREAMS names the
// datastreams by topic, looked up once by who starts it.
module.exports = {
    uiHost: "127.0.0.1",
    httpAdminRoot: false,
    httpNodeRoot: false,
    disableEditor: true,
    telemetry: { enabled: false, updateNotification: false },
    externalModules: { autoInstall: false, palette: { allowInstall: false }, modules: { allowInstall: false } },
    functionGlobalContext: { streams: require(process.env.BENCH_STREAMS) },
    logging: { console: { level: "warn", metrics: false, audit: false } },
};
