using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;

namespace ShopMesh.Load;

internal sealed class Customer(string accessToken, string cardToken)
{
    /// <summary>The header's value.</summary>
    public string Authorization { get; } = $"Bearer {accessToken}";

    /// <summary>A card's, made when the customer signed in; good for many orders.</summary>
    public string CardToken => cardToken;

    /// <summary>What may be in the basket: whatever was put in and is not known to be out again.</summary>
    public HashSet<string> MayHold { get; } = [];

    /// <summary>What was ordered last. It may still be on its way out of the basket.</summary>
    public HashSet<string> Leaving { get; } = [];

    /// <summary>The order that was placed last; others ask for it too, and must not get it.</summary>
    public volatile string? LastOrder;
}

/// <summary>Customers who are signed in before a load begins, since a password costs a shop more than an order does. A visit borrows one.</summary>
public sealed class Customers
{
    /// <summary>How long an access token is good for, and so the longest that a load may take after its customers have signed in.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(55);

    private readonly Customer[] _all;

    /// <summary>Whoever has waited longest is next: their last order is through by then.</summary>
    private readonly Channel<Customer> _free = Channel.CreateUnbounded<Customer>();

    private Customers(Customer[] all)
    {
        _all = all;
        foreach (var customer in all)
            Return(customer);
    }

    public int Count => _all.Length;

    /// <param name="progress">Told how many have signed in.</param>
    /// <exception cref="HttpRequestException">The shop does not take them.</exception>
    public static async Task<Customers> SignInAsync(Uri gateway, int count, CancellationToken cancellationToken, IProgress<int>? progress = null)
    {
        using var http = new HttpClient { BaseAddress = gateway };
        var customers = new Customer[count];
        var done = 0;
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (index, cancellation) =>
        {
            var email = $"load-{Guid.NewGuid():N}@example.com";
            var password = $"{Guid.NewGuid():N}Aa1";
            using var account = Json($$"""{"email": "{{email}}", "password": "{{password}}", "name": "A Customer"}""");
            using var registered = await http.PostAsync("/api/accounts", account, cancellation);
            registered.EnsureSuccessStatusCode();
            using var form = new FormUrlEncodedContent([new("grant_type", "password"), new("client_id", "shopmesh"), new("username", email), new("password", password)]);
            var token = (await ReadAsync(await http.PostAsync("/connect/token", form, cancellation), AnswerJson.Default.SignedIn, cancellation)).AccessToken;
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/payments/tokens") { Content = Json(TestCard), Headers = { Authorization = new("Bearer", token) } };
            var card = await ReadAsync(await http.SendAsync(request, cancellation), AnswerJson.Default.CardToken, cancellation);
            customers[index] = new(token, card.Token);
            progress?.Report(Interlocked.Increment(ref done));
        });
        return new(customers);
    }

    /// <summary>One that is accepted.</summary>
    internal const string TestCard = """{"number": "4242 4242 4242 4242", "expiry": "12/39", "cvc": "123", "holder": "A Customer"}""";

    /// <returns>Null when all of them are on a visit.</returns>
    internal Customer? TryBorrow() => _free.Reader.TryRead(out var customer) ? customer : null;

    internal ValueTask<Customer> BorrowAsync(CancellationToken cancellationToken) => _free.Reader.ReadAsync(cancellationToken);

    internal void Return(Customer customer) => _free.Writer.TryWrite(customer);

    /// <summary>An order that is not this customer's.</summary>
    /// <returns>Null when none was found.</returns>
    internal string? AnOrderOfAnother(Customer customer) =>
        _all[KnownShop.Next(_all.Length)] is var other && other != customer ? other.LastOrder : null;

    private static ByteArrayContent Json(string text) => new(System.Text.Encoding.UTF8.GetBytes(text)) { Headers = { ContentType = new("application/json") } };

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using (response)
        {
            response.EnsureSuccessStatusCode();
            return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(cancellationToken), type)!;
        }
    }
}
