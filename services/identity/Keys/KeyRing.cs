using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.Tokens;
using Npgsql;
using OpenIddict.Server;
using ShopMesh.Identity.Data;

namespace ShopMesh.Identity.Keys;

/// <summary>
/// The signing keys, which are in the database, so that any replica signs and any restart keeps them. Whichever replica finds that one
/// is due makes it: published at once, signing later. OpenIddict takes them from here, anew whenever they change.
/// </summary>
internal sealed partial class KeyRing(
    NpgsqlDataSource database, IServiceScopeFactory scopes, KeyProtection protection, IOptions<KeyOptions> options, TimeProvider time, ILogger<KeyRing> logger)
    : BackgroundService, IConfigureOptions<OpenIddictServerOptions>, IOptionsChangeTokenSource<OpenIddictServerOptions>
{
    private volatile IReadOnlyList<RsaSecurityKey> _keys = [];
    private CancellationTokenSource _changed = new();

    public bool IsLoaded => _keys.Count > 0;

    string? IOptionsChangeTokenSource<OpenIddictServerOptions>.Name => Options.DefaultName;

    public IChangeToken GetChangeToken() => new CancellationChangeToken(_changed.Token);

    /// <summary>The key that signs comes first: OpenIddict signs with the first, and publishes all.</summary>
    public void Configure(OpenIddictServerOptions options)
    {
        foreach (var key in _keys)
            options.SigningCredentials.Add(new(key, SecurityAlgorithms.RsaSha256));
    }

    public override void Dispose()
    {
        _changed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await RefreshAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotRefreshed(e.Message);
            }

            await Task.Delay(IsLoaded ? options.Value.Poll : TimeSpan.FromMilliseconds(200), time, stoppingToken);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var stored = await ReadAsync(cancellationToken);
        if (IsNewDue(stored, now) || Outdated(stored, now).Any())
        {
            await RotateAsync(now, cancellationToken);
            stored = await ReadAsync(cancellationToken);
        }

        var signing = stored.FindLastIndex(key => key.SignsFrom <= now);
        List<SigningKey> ordered = [stored[signing], .. stored.Where((_, index) => index != signing)];
        if (ordered.Select(key => key.Id).SequenceEqual(_keys.Select(key => key.KeyId)))
            return;
        _keys = [.. ordered.Select(Load)];
        LogKeys(_keys[0].KeyId, _keys.Count);
        await Interlocked.Exchange(ref _changed, new()).CancelAsync();
    }

    /// <summary>In SQL: a replica is ready when it has its keys, and does not wait for EF Core's model.</summary>
    private async Task<List<SigningKey>> ReadAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT id, encrypted_key, signs_from FROM signing_keys ORDER BY signs_from");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<SigningKey> keys = [];
        while (await reader.ReadAsync(cancellationToken))
            keys.Add(new() { Id = reader.GetString(0), EncryptedKey = reader.GetFieldValue<byte[]>(1), SignsFrom = reader.GetFieldValue<DateTimeOffset>(2) });
        return keys;
    }

    /// <summary>Under a lock: of several replicas that find a key due at once, one makes it.</summary>
    private async Task RotateAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<IdentityContext>();
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await context.Database.ExecuteSqlAsync($"LOCK TABLE signing_keys IN EXCLUSIVE MODE", cancellationToken);
        var stored = await context.SigningKeys.OrderBy(key => key.SignsFrom).ToListAsync(cancellationToken);
        context.RemoveRange(Outdated(stored, now));
        if (IsNewDue(stored, now))
            context.Add(Create(stored.Count == 0 ? now : now + options.Value.PublishAhead));
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private bool IsNewDue(List<SigningKey> stored, DateTimeOffset now) =>
        stored.Count == 0 || stored[^1].SignsFrom + options.Value.RotateAfter - options.Value.PublishAhead <= now;

    /// <summary>Those whose successor has signed for so long that none of their tokens is left.</summary>
    private IEnumerable<SigningKey> Outdated(List<SigningKey> stored, DateTimeOffset now) =>
        stored.Zip(stored.Skip(1)).Where(pair => pair.Second.SignsFrom + options.Value.KeepAfter <= now).Select(pair => pair.First);

    private SigningKey Create(DateTimeOffset signsFrom)
    {
        using var rsa = RSA.Create(2048);
        var id = Guid.CreateVersion7().ToString("N");
        return new() { Id = id, EncryptedKey = protection.Protect(id, rsa.ExportPkcs8PrivateKey()), SignsFrom = signsFrom };
    }

    private RsaSecurityKey Load(SigningKey key)
    {
        var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(protection.Unprotect(key.Id, key.EncryptedKey), out _);
        return new(rsa) { KeyId = key.Id };
    }

    [LoggerMessage(LogLevel.Information, "Key {KeyId} signs; {Count} are published")]
    private partial void LogKeys(string keyId, int count);

    [LoggerMessage(LogLevel.Warning, "The signing keys could not be read: {Reason}")]
    private partial void LogNotRefreshed(string reason);
}
