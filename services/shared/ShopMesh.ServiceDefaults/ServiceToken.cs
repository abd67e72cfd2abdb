using System.Net.Http.Json;
using System.Text.Json.Serialization;
using Grpc.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ShopMesh;

internal sealed class ServiceTokenOptions
{
    /// <summary>One scope for each service that is called.</summary>
    public HashSet<string> Scopes { get; } = [];
}

/// <summary>
/// This service's own token (RFC 6749, 4.4). It is renewed in the background from half of its life on,
/// so that identity may be away for as long as the other half.
/// </summary>
internal sealed partial class ServiceToken(
    IHttpClientFactory http, IConfiguration configuration, IOptions<ServiceTokenOptions> options, TimeProvider time, ILogger<ServiceToken> logger) : IDisposable
{
    public const string HttpClientName = "identity";
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private volatile Token? _token;
    private long _renewAt;

    /// <exception cref="RpcException">Unavailable: there is no valid token, and identity gives none.</exception>
    public async ValueTask<string> GetAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_token is { } token && now < token.ExpiresAt)
        {
            var renewAt = Interlocked.Read(ref _renewAt);
            if (now.Ticks >= renewAt && Interlocked.CompareExchange(ref _renewAt, (now + RetryAfter).Ticks, renewAt) == renewAt)
                _ = RenewInBackgroundAsync();
            return token.Value;
        }

        await _oneAtATime.WaitAsync(cancellationToken);
        try
        {
            return _token is { } renewed && now < renewed.ExpiresAt ? renewed.Value : (await FetchAsync(cancellationToken)).Value;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new(StatusCode.Unavailable, "There is no token for this call: identity is away.", e));
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private async Task RenewInBackgroundAsync()
    {
        try
        {
            await FetchAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            LogNotRenewed(e);
        }
    }

    private async Task<Token> FetchAsync(CancellationToken cancellationToken)
    {
        var client = http.CreateClient(HttpClientName);
        client.Timeout = TimeSpan.FromSeconds(5);
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = configuration["Identity:ClientId"]!,
            ["client_secret"] = configuration["Identity:ClientSecret"] ?? "",
            ["scope"] = string.Join(' ', options.Value.Scopes),
        });
        var asked = time.GetUtcNow();
        using var response = await client.PostAsync(new Uri(new(configuration["Identity:Address"]!), "/connect/token"), form, cancellationToken);
        response.EnsureSuccessStatusCode();
        var answer = await response.Content.ReadFromJsonAsync(TokenJson.Default.TokenAnswer, cancellationToken) ?? throw new HttpRequestException("The token endpoint answered nothing.");

        var life = TimeSpan.FromSeconds(answer.ExpiresIn);
        Interlocked.Exchange(ref _renewAt, (asked + (life / 2)).Ticks);
        return _token = new(answer.AccessToken, asked + life - TimeSpan.FromSeconds(10));
    }

    [LoggerMessage(LogLevel.Warning, "The service's token could not be renewed; the one at hand is still good")]
    private partial void LogNotRenewed(Exception exception);

    private sealed record Token(string Value, DateTimeOffset ExpiresAt);
}

internal sealed record TokenAnswer([property: JsonPropertyName("access_token")] string AccessToken, [property: JsonPropertyName("expires_in")] int ExpiresIn);

[JsonSerializable(typeof(TokenAnswer))]
internal sealed partial class TokenJson : JsonSerializerContext;
