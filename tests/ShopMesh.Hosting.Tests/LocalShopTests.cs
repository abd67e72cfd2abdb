
namespace ShopMesh.Hosting.Tests;

/// <summary>A shop of one service, which is all that its life cycle needs.</summary>
public sealed class LocalShopTests : IAsyncLifetime
{
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"shopmesh-test-{Guid.CreateVersion7():N}");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private LocalShopOptions Options => new() { Directory = _directory, Services = ["shipping"] };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await LocalShop.StopAsync(_directory);
        await LocalShop.ForgetAsync(_directory);
        if (Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task It_starts_stops_and_starts_again_with_its_secrets()
    {
        string secret, database;
        ShopState state;
        await using (var shop = await LocalShop.StartAsync(Options with { Replicas = new() { ["shipping"] = 2 } }, cancellationToken: Cancel))
        {
            (secret, database) = (shop.ClientSecret("ordering"), shop.Database("shipping"));
            Assert.Equal(2, shop["shipping"].Replicas.Count);
            Assert.All(shop.Processes, process => Assert.True(process.IsRunning));
            state = ShopState.Read(_directory)!;
            Assert.True(state.IsUp);
            Assert.Equal(["postgres", "shipping", "shipping-2"], state.Processes.Select(process => process.Name).Order());
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LocalShop.SecretsFile(_directory)));
            Assert.StartsWith("A shop is already up", (await Assert.ThrowsAsync<ShopException>(() => LocalShop.StartAsync(Options, cancellationToken: Cancel))).Message, StringComparison.Ordinal);
            Assert.StartsWith("A shop is already up", (await Assert.ThrowsAsync<ShopException>(() => LocalShop.ForgetAsync(_directory))).Message, StringComparison.Ordinal);
        }

        Assert.All(state.Processes, process => Assert.False(process.Process.IsAlive));
        Assert.Null(ShopState.Read(_directory));

        await using (var shop = await LocalShop.StartAsync(Options, cancellationToken: Cancel))
        {
            Assert.Equal(secret, shop.ClientSecret("ordering"));
            Assert.Equal(Password(database), Password(shop.Database("shipping")));
        }
    }

    [Fact]
    public async Task It_starts_where_another_clone_was_deleted()
    {
        await using (await LocalShop.StartAsync(Options, cancellationToken: Cancel))
        {
        }

        Directory.Delete(_directory, recursive: true);
        await using var shop = await LocalShop.StartAsync(Options, cancellationToken: Cancel);
        Assert.All(shop.Processes, process => Assert.True(process.IsRunning));
    }

    [Fact]
    public async Task A_detached_shop_lives_until_it_is_stopped()
    {
        await using (var shop = await LocalShop.StartAsync(Options with { Detached = true }, cancellationToken: Cancel))
            shop.Release();
        var state = ShopState.Read(_directory)!;
        Assert.All(state.Processes, process => Assert.True(process.Process.IsAlive));
        Assert.StartsWith("A shop is already up", (await Assert.ThrowsAsync<ShopException>(() => LocalShop.StartAsync(Options, cancellationToken: Cancel))).Message, StringComparison.Ordinal);

        Assert.True(await LocalShop.StopAsync(_directory));
        Assert.All(state.Processes, process => Assert.False(process.Process.IsAlive));
        Assert.False(await LocalShop.StopAsync(_directory));
    }

    [Fact]
    public async Task What_a_crash_left_is_ended_by_the_next_start_and_nothing_else_is()
    {
        await using (var shop = await LocalShop.StartAsync(Options with { Detached = true }, cancellationToken: Cancel))
            shop.Release();
        var left = ShopState.Read(_directory)!;
        // As if a shop in the foreground had been killed; and one number now belongs to this very process.
        var recycled = new ShopProcess("basket", ProcessIdentity.Current with { Birth = "another" }, null, "", "");
        (left with { Detached = false, Owner = ProcessIdentity.Current with { Birth = "gone" }, Processes = [.. left.Processes, recycled] }).Write(_directory);

        await using (await LocalShop.StartAsync(Options, cancellationToken: Cancel))
            Assert.All(left.Processes, process => Assert.False(process.Process.IsAlive));
    }

    [Fact]
    public async Task A_service_that_cannot_start_ends_the_start_and_leaves_nothing()
    {
        var failure = await Assert.ThrowsAsync<ShopException>(() => LocalShop.StartAsync(
            Options with { Settings = new() { ["shipping"] = new() { ["Kestrel__Endpoints__Http__Url"] = "nonsense" } } }, cancellationToken: Cancel));
        Assert.StartsWith("shipping ended with exit code", failure.Message, StringComparison.Ordinal);
        Assert.Null(ShopState.Read(_directory));
    }

    [Fact]
    public async Task A_temporary_shop_goes_with_its_data()
    {
        string log;
        await using (var shop = await LocalShop.StartAsync(new() { Services = ["shipping"] }, cancellationToken: Cancel))
            log = shop["shipping"].Process.LogFile;
        Assert.False(Directory.Exists(Path.GetDirectoryName(Path.GetDirectoryName(log))));
    }

    [Fact]
    public async Task An_unknown_service_is_named() =>
        Assert.StartsWith("There is no service 'warehouse'", (await Assert.ThrowsAsync<ShopException>(() => LocalShop.StartAsync(new() { Services = ["warehouse"] }, cancellationToken: Cancel))).Message, StringComparison.Ordinal);

    private static string? Password(string connection) => new Npgsql.NpgsqlConnectionStringBuilder(connection).Password;
}
