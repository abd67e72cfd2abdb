using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace ShopMesh.Hosting.Tests;

public sealed class EmbeddedPostgresTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Data_survive_a_stop_a_kill_and_another_start_on_the_directory()
    {
        var directory = Path.Combine("/var/tmp", $"shopmesh-test-{Guid.CreateVersion7():N}");
        try
        {
            await using (var postgres = await EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel))
            {
                var connection = await postgres.CreateDatabaseAsync("catalog", "secret", Cancel);
                await RunAsync(connection, "CREATE TABLE product (id int); INSERT INTO product VALUES (1)");

                var watch = Stopwatch.StartNew();
                await postgres.StopAsync();
                Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"Stopping took {watch.Elapsed}.");
                await postgres.RestartAsync(Cancel);
                await RunAsync(connection, "INSERT INTO product VALUES (2)");

                await postgres.KillAsync();
                await postgres.RestartAsync(Cancel);
                await RunAsync(connection, "INSERT INTO product VALUES (3)");
            }

            await using (var postgres = await EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel))
                Assert.Equal(3L, await RunAsync(await postgres.CreateDatabaseAsync("catalog", "another", Cancel), "SELECT count(*) FROM product"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_service_gets_into_its_own_database_and_no_other()
    {
        await using var postgres = await EmbeddedPostgres.StartAsync(cancellationToken: Cancel);
        var catalog = await postgres.CreateDatabaseAsync("catalog", cancellationToken: Cancel);
        var basket = await postgres.CreateDatabaseAsync("basket", cancellationToken: Cancel);
        await RunAsync(catalog, "CREATE TABLE product (id int)");
        await RunAsync(basket, "CREATE TABLE basket (id int)");

        foreach (var other in new[] { "basket", "postgres", "template1" })
            await AssertRefusedAsync(PostgresErrorCodes.InsufficientPrivilege, new(catalog) { Database = other });
        await AssertRefusedAsync(PostgresErrorCodes.InvalidPassword, new(catalog) { Password = "wrong" });
    }

    [Fact]
    public async Task It_keeps_what_production_keeps_and_listens_on_the_loopback_alone()
    {
        await using var postgres = await EmbeddedPostgres.StartAsync(cancellationToken: Cancel);
        Assert.True(postgres.Version >= 15);
        foreach (var (setting, value) in new[]
        {
            ("fsync", "on"), ("synchronous_commit", "on"), ("max_connections", "300"), ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""), ("server_encoding", "UTF8"), ("password_encryption", "scram-sha-256"),
        })
            Assert.Equal(value, await RunAsync(postgres.AdminConnectionString, $"SHOW {setting}"));
        Assert.Equal(true, await RunAsync(postgres.AdminConnectionString, "SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules"));
        // By code point, on every machine.
        Assert.Equal(true, await RunAsync(postgres.AdminConnectionString, "SELECT 'B' < 'a' AND lower('É') = 'é'"));
    }

    [Fact]
    public async Task A_number_in_postmaster_pid_that_belongs_to_another_process_is_in_nobodys_way()
    {
        var directory = Path.Combine("/var/tmp", $"shopmesh-test-{Guid.CreateVersion7():N}");
        using var stranger = Process.Start("sleep", "60");
        try
        {
            await using (await EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel))
            {
            }

            await File.WriteAllTextAsync(Path.Combine(directory, "data", "postmaster.pid"), $"{stranger.Id}\n{directory}/data\n", Cancel);
            await using (await EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel))
                Assert.False(stranger.HasExited);
        }
        finally
        {
            stranger.Kill();
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_temporary_server_leaves_nothing()
    {
        string log;
        ProcessIdentity process;
        await using (var postgres = await EmbeddedPostgres.StartAsync(cancellationToken: Cancel))
            (log, process) = (postgres.LogFile, postgres.Identity);
        Assert.False(process.IsAlive);
        Assert.False(Directory.Exists(Path.GetDirectoryName(log)));
    }

    [Fact]
    public async Task One_that_cannot_start_says_what_its_log_says()
    {
        var directory = Path.Combine("/var/tmp", $"shopmesh-test-{Guid.CreateVersion7():N}");
        try
        {
            await using (await EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel))
            {
            }

            await File.AppendAllTextAsync(Path.Combine(directory, "data", "postgresql.conf"), "no_such_setting = 1\n", Cancel);
            var failure = await Assert.ThrowsAsync<ShopException>(() => EmbeddedPostgres.StartAsync(new() { Directory = directory }, cancellationToken: Cancel));
            Assert.Contains("no_such_setting", failure.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task AssertRefusedAsync(string code, NpgsqlConnectionStringBuilder connection) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<PostgresException>(() => RunAsync(connection.ConnectionString, "SELECT 1"))).SqlState);

    private static async Task<object?> RunAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync(Cancel);
    }
}
