using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ShopMesh;

/// <summary>The shop cannot be audited: it cannot be reached, does not let us in, or is not at rest. The message says which.</summary>
public sealed class AuditException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The lists of the admin API, as a client that is patient with a shop that is just coming back.</summary>
internal sealed class AdminApi(AuditOptions options) : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    private readonly HttpClient _http = new() { BaseAddress = options.Shop, Timeout = TimeSpan.FromSeconds(30) };
    private string? _token;

    public void Dispose() => _http.Dispose();

    /// <summary>Every item of a list, page by page.</summary>
    public async IAsyncEnumerable<T> ReadAsync<T>(string list, JsonTypeInfo<Page<T>> type, DateTimeOffset? updatedSince, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var address = $"/api/admin/{list}?limit=100"
                + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")
                + (updatedSince is { } since ? $"&updatedSince={Uri.EscapeDataString(since.ToString("O"))}" : "");
            var page = await GetAsync(address, type, cancellationToken);
            foreach (var item in page.Items)
                yield return item;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private async Task<T> GetAsync<T>(string address, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        for (var renewed = false; ; renewed = true)
        {
            _token ??= await SignInAsync(cancellationToken);
            using var response = await SendAsync(
                () => new(HttpMethod.Get, address) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", _token) } }, cancellationToken);
            switch (response.StatusCode)
            {
                case HttpStatusCode.OK:
                    return await ReadBodyAsync(response, type, cancellationToken);
                // It may have expired, on a long audit.
                case HttpStatusCode.Unauthorized when !renewed:
                    _token = null;
                    continue;
                case HttpStatusCode.Forbidden:
                    throw new AuditException($"{options.User} is no administrator of {options.Shop}: name one with --user and --password.");
                default:
                    throw new AuditException($"{options.Shop.GetLeftPart(UriPartial.Authority)}{address} answered {(int)response.StatusCode}: is this a shop?");
            }
        }
    }

    private async Task<string> SignInAsync(CancellationToken cancellationToken)
    {
        using var response = await SendAsync(
            () => new(HttpMethod.Post, "/connect/token")
            {
                Content = new FormUrlEncodedContent([new("grant_type", "password"), new("client_id", "shopmesh"), new("username", options.User), new("password", options.Password)]),
            },
            cancellationToken);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => (await ReadBodyAsync(response, AuditJson.Default.AccessToken, cancellationToken)).Value,
            HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized => throw new AuditException($"{options.Shop} does not let {options.User} in: name an administrator with --user and --password."),
            _ => throw new AuditException($"{options.Shop} answered {(int)response.StatusCode} when {options.User} signed in: is this a shop?"),
        };
    }

    /// <summary>Tries again while the shop is away or busy, for as long as the options say.</summary>
    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellationToken)
    {
        var start = options.Time.GetTimestamp();
        for (var wait = TimeSpan.FromMilliseconds(100); ; wait = wait * 2 < Longest ? wait * 2 : Longest)
        {
            string problem;
            Exception? cause = null;
            try
            {
                using var message = request();
                var response = await _http.SendAsync(message, cancellationToken);
                if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
                    return response;
                problem = $"it answers {(int)response.StatusCode}";
                response.Dispose();
            }
            catch (Exception e) when (e is HttpRequestException || e is TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                (problem, cause) = (e.Message, e);
            }

            if (options.Time.GetElapsedTime(start) + wait > options.Reach)
                throw new AuditException($"The shop at {options.Shop} cannot be reached ({problem}): ./shopmesh up starts one, --url names another.", cause);
            await Task.Delay(wait, options.Time, cancellationToken);
        }
    }

    private async Task<T> ReadBodyAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync(type, cancellationToken) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new AuditException($"{options.Shop} answered what a shop does not answer: {e.Message}", e);
        }
    }
}
