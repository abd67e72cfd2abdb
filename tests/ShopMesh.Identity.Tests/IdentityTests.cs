using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Npgsql;
using ShopMesh.Hosting;

namespace ShopMesh.Identity.Tests;

/// <summary>Two replicas on one database, with short times: a lock-out of 2 s, no leeway for used refresh tokens, pruning every second.</summary>
public sealed class IdentityShop() : RunningShop(Options)
{
    /// <summary>What each start of identity gets.</summary>
    public static readonly Dictionary<string, string> Settings = new()
    {
        ["Identity__Lockout__Duration"] = "00:00:02",
        ["Identity__RefreshTokenReuseLeeway"] = "00:00:00",
        ["Identity__PruneEvery"] = "00:00:01",
        ["Identity__PruneAfter"] = "00:10:00",
    };

    private static LocalShopOptions Options
    {
        get
        {
            var options = Of();
            options.Settings["identity"] = Settings;
            return options with { Replicas = new() { ["identity"] = 2 } };
        }
    }
}

public sealed class IdentityTests(IdentityShop shop) : IClassFixture<IdentityShop>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_replica_signs_with_the_same_key_and_a_restart_keeps_it()
    {
        var before = await Task.WhenAll(KeysAsync(0), KeysAsync(1));
        Assert.Equal(before[0], before[1]);

        await shop.Replica("identity", 1).KillAsync();
        await shop.Replica("identity", 1).StartAsync(Cancellation);

        Assert.Equal(before[0], await KeysAsync(1));
    }

    [Fact]
    public async Task At_rest_a_signing_key_is_encrypted()
    {
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("identity"));
        await using var command = database.CreateCommand("SELECT encrypted_key FROM signing_keys");
        var stored = (byte[])(await command.ExecuteScalarAsync(Cancellation))!;

        using var rsa = RSA.Create();
        Assert.ThrowsAny<CryptographicException>(() => rsa.ImportPkcs8PrivateKey(stored, out _));
    }

    [Fact]
    public async Task After_5_wrong_passwords_even_the_right_one_is_refused_for_a_while()
    {
        var email = await RegisterAsync();
        for (var i = 0; i < 5; i++)
            Assert.Equal(HttpStatusCode.BadRequest, (await SignInAsync(email, "wrong passw0rd")).Status);

        var locked = await SignInAsync(email);

        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (locked.Status, (string)locked.Body["error"]!));
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), async () => (await SignInAsync(email)).Status is HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_refresh_token_is_good_once_and_its_second_use_ends_them_all()
    {
        var email = await RegisterAsync();
        var first = Refresh(await SignInAsync(email, scope: "offline_access"));
        var second = Refresh(await RefreshAsync(first));
        Assert.NotEqual(first, second);

        var stolen = await RefreshAsync(first);

        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (stolen.Status, (string)stolen.Body["error"]!));
        Assert.Equal(HttpStatusCode.BadRequest, (await RefreshAsync(second)).Status);
    }

    [Fact]
    public async Task A_refresh_token_is_good_at_any_replica()
    {
        var email = await RegisterAsync();
        var token = Refresh(await SignInAsync(email, scope: "offline_access"));

        for (var i = 0; i < 4; i++)
            token = Refresh(await RefreshAsync(token, replica: i % 2));
    }

    [Fact]
    public async Task Without_offline_access_there_is_no_refresh_token()
    {
        var answer = await SignInAsync(await RegisterAsync());

        Assert.Null(answer.Body["refresh_token"]);
    }

    [Fact]
    public async Task Tokens_that_ended_are_pruned()
    {
        var email = await RegisterAsync();
        Refresh(await SignInAsync(email, scope: "offline_access"));
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("identity"));
        await using var age = database.CreateCommand("""
            UPDATE "OpenIddictTokens" SET creation_date = creation_date - interval '30 days', expiration_date = expiration_date - interval '30 days'
            WHERE subject = (SELECT id::text FROM "AspNetUsers" WHERE email = $1)
            """);
        age.Parameters.Add(new() { Value = email });
        Assert.NotEqual(0, await age.ExecuteNonQueryAsync(Cancellation));

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(15), async () => await age.ExecuteNonQueryAsync(Cancellation) == 0);
    }

    [Theory]
    [InlineData("basket", "inventory")]
    [InlineData("basket", "payment catalog")]
    [InlineData("ordering", "ordering")]
    public async Task A_service_gets_no_scope_but_its_own(string client, string scope)
    {
        var answer = await TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = client, ["client_secret"] = shop.Processes.ClientSecret(client), ["scope"] = scope });

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
    }

    [Fact]
    public async Task A_start_with_another_secret_for_a_service_replaces_the_last()
    {
        var last = shop.Processes.ClientSecret("basket");
        try
        {
            await RestartWithSecretAsync("another secret");
            Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Unauthorized], await Task.WhenAll(AskAsync("another secret"), AskAsync(last)));
        }
        finally
        {
            await RestartWithSecretAsync(last);
        }

        Assert.Equal([HttpStatusCode.Unauthorized, HttpStatusCode.OK], await Task.WhenAll(AskAsync("another secret"), AskAsync(last)));

        async Task RestartWithSecretAsync(string secret)
        {
            IdentityShop.Settings["Identity__Clients__basket"] = secret;
            await shop.Replica("identity", 1).KillAsync();
            await shop.Replica("identity", 1).StartAsync(Cancellation);
        }

        async Task<HttpStatusCode> AskAsync(string secret) =>
            (await TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = "basket", ["client_secret"] = secret, ["scope"] = "catalog" })).Status;
    }

    [Fact]
    public async Task A_service_with_a_wrong_secret_and_a_person_with_a_services_client_get_nothing()
    {
        var wrongSecret = await TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = "ordering", ["client_secret"] = "guess" });
        var asPerson = await TokenAsync(new() { ["grant_type"] = "client_credentials", ["client_id"] = "shopmesh" });
        var scopeForPeople = await SignInAsync(await RegisterAsync(), scope: "inventory");

        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (wrongSecret.Status, (string)wrongSecret.Body["error"]!));
        Assert.Equal(HttpStatusCode.BadRequest, asPerson.Status);
        Assert.Equal(HttpStatusCode.BadRequest, scopeForPeople.Status);
    }

    [Fact]
    public async Task Of_many_who_register_one_address_at_once_one_does()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        using var visitor = Shopper.Visitor(shop.Gateway);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => visitor.PostAsync("/api/accounts", new { email = i % 2 == 0 ? email : email.ToUpperInvariant(), password = Shopper.DemoPassword, name = "A" })));

        Assert.Equal(1, answers.Count(answer => answer.StatusCode is HttpStatusCode.Created));
        Assert.Equal(7, answers.Count(answer => answer.StatusCode is HttpStatusCode.Conflict));
    }

    [Theory]
    [InlineData("not an address", "Passw0rd!", "A", "email")]
    [InlineData("", "Passw0rd!", "A", "email")]
    [InlineData("a@example.com", "short1", "A", "password")]
    [InlineData("a@example.com", "nodigitshere", "A", "password")]
    [InlineData("a@example.com", "1234567890", "A", "password")]
    [InlineData("a@example.com", "Passw0rd!", "", "name")]
    [InlineData("a@example.com", "Passw0rd!", null, "name")]
    public async Task A_bad_registration_is_refused_field_by_field(string email, string password, string? name, string field)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        using var response = await visitor.PostAsync("/api/accounts", new { email, password, name });

        var problem = await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
        Assert.Equal([field], problem["errors"]!.AsObject().Select(error => error.Key));
    }

    [Fact]
    public async Task Passwords_and_tokens_are_in_no_log()
    {
        var answer = await SignInAsync(await RegisterAsync(), scope: "offline_access");

        var logs = await Task.WhenAll(shop.Processes.Processes.Select(process => File.ReadAllTextAsync(process.LogFile, Cancellation)));

        Assert.All(logs, log => Assert.DoesNotContain(Shopper.DemoPassword, log));
        Assert.All(logs, log => Assert.DoesNotContain(((string)answer.Body["access_token"]!)[..20], log));
    }

    private async Task<string> RegisterAsync()
    {
        using var customer = await shop.CustomerAsync();
        return (string)(await customer.GetAsync("/api/accounts/me"))["email"]!;
    }

    private async Task<string> KeysAsync(int replica)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri(shop.Processes["identity"].Replicas[replica].Http, "/.well-known/jwks"), Cancellation);
    }

    private Task<(HttpStatusCode Status, JsonNode Body)> SignInAsync(string email, string password = Shopper.DemoPassword, string scope = "") =>
        TokenAsync(new() { ["grant_type"] = "password", ["client_id"] = "shopmesh", ["username"] = email, ["password"] = password, ["scope"] = scope });

    private Task<(HttpStatusCode Status, JsonNode Body)> RefreshAsync(string token, int replica = 0) =>
        TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = "shopmesh", ["refresh_token"] = token }, replica);

    private async Task<(HttpStatusCode Status, JsonNode Body)> TokenAsync(Dictionary<string, string> form, int replica = 0)
    {
        using var http = new HttpClient();
        using var response = await http.PostAsync(new Uri(shop.Processes["identity"].Replicas[replica].Http, "/connect/token"), new FormUrlEncodedContent(form), Cancellation);
        return (response.StatusCode, (await response.ReadAsync())!);
    }

    private static string Refresh((HttpStatusCode Status, JsonNode Body) answer)
    {
        Assert.True(answer.Status is HttpStatusCode.OK, answer.Body.ToJsonString());
        return (string)answer.Body["refresh_token"]!;
    }
}

/// <summary>An identity whose keys sign for 6 s and are published 4 s ahead.</summary>
public sealed class RotatingShop() : RunningShop(Options)
{
    private static LocalShopOptions Options
    {
        get
        {
            var options = Of();
            options.Settings["identity"] = new()
            {
                ["Identity__Keys__RotateAfter"] = "00:00:06",
                ["Identity__Keys__PublishAhead"] = "00:00:04",
                ["Identity__Keys__KeepAfter"] = "00:00:20",
                ["Identity__Keys__Poll"] = "00:00:00.250",
            };
            return options with { Replicas = new() { ["identity"] = 2 } };
        }
    }
}

public sealed class KeyRotationTests(RotatingShop shop) : IClassFixture<RotatingShop>
{
    [Fact]
    public async Task A_new_key_is_published_before_it_signs()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        HashSet<string> signed = [], published = [];

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(30), async () =>
        {
            // Asked before: whoever holds this key set can check what is signed now.
            foreach (var key in (await visitor.GetAsync("/.well-known/jwks"))["keys"]!.AsArray())
                published.Add((string)key!["kid"]!);
            using var alice = await Shopper.SignInAsync(shop.Gateway, "alice@example.com");
            var header = alice.Http.DefaultRequestHeaders.Authorization!.Parameter!.Split('.')[0];
            var kid = (string)JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(header))!["kid"]!;
            Assert.Contains(kid, published);
            return signed.Add(kid) && signed.Count == 3;
        });
    }
}
