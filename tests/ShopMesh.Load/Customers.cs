using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Threading.Channels;

namespace ShopMesh.Load;

internal sealed class Customer(string token)
{
    public AuthenticationHeaderValue Token { get; } = new("Bearer", token);

    /// <summary>It may still be on its way out of the basket.</summary>
    public string? LastOrdered { get; set; }
}

/// <summary>Customers who are signed in before a load begins, since a password costs a shop more than an order does. A visit borrows one.</summary>
public sealed class Customers
{
    /// <summary>Whoever has waited longest is next: their last order is through by then.</summary>
    private readonly Channel<Customer> _free = Channel.CreateUnbounded<Customer>();

    private Customers()
    {
    }

    /// <exception cref="HttpRequestException">The shop does not take them.</exception>
    public static async Task<Customers> SignInAsync(Uri gateway, int count, CancellationToken cancellationToken)
    {
        var customers = new Customers();
        using var http = new HttpClient { BaseAddress = gateway };
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (_, cancellation) =>
        {
            var email = $"load-{Guid.NewGuid():N}@example.com";
            var password = $"{Guid.NewGuid():N}Aa1";
            using var registered = await http.PostAsJsonAsync("/api/accounts", new { email, password, name = "A Customer" }, cancellation);
            registered.EnsureSuccessStatusCode();
            using var signedIn = await http.PostAsync("/connect/token", new FormUrlEncodedContent([new("grant_type", "password"), new("client_id", "shopmesh"), new("username", email), new("password", password)]), cancellation);
            signedIn.EnsureSuccessStatusCode();
            var answer = await signedIn.Content.ReadFromJsonAsync<JsonElement>(cancellation);
            customers.Return(new(answer.GetProperty("access_token").GetString()!));
        });
        return customers;
    }

    internal ValueTask<Customer> BorrowAsync(CancellationToken cancellationToken) => _free.Reader.ReadAsync(cancellationToken);

    internal void Return(Customer customer) => _free.Writer.TryWrite(customer);
}
